"""Leave out incomplete rows, and split the rest into rows to train on and to test on."""

import argparse
import csv
import random
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--test-share", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    args = parser.parse_args()

    with open(args.table, encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    complete = [row for row in rows if all(row.values())]
    # A seed makes chance repeatable: the same rows come out the same way, and later steps can be reused.
    random.Random(args.seed).shuffle(complete)
    tested = round(len(complete) * args.test_share)
    write(args.test / "test.csv", reader.fieldnames, complete[:tested])
    write(args.train / "train.csv", reader.fieldnames, complete[tested:])
    print(f"{len(rows)} rows, {len(rows) - len(complete)} of them incomplete and left out")
    print(f"{len(complete) - tested} to train on, {tested} to test on")


def write(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
