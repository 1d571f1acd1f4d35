"""Take some rows of a table by chance, an exact number of them, in their order."""

import argparse
import random
from collections import Counter
from pathlib import Path

from command import Fault, run
from tables import Table, Writer


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--share", type=float)
    parser.add_argument("--stratify-by", default="")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--result", type=Path, required=True)
    args = parser.parse_args(arguments)
    if (args.rows is None) == (args.share is None):
        raise Fault("give either rows or share")
    if args.rows is not None and args.rows < 0 or args.share is not None and not 0 <= args.share <= 1:
        raise Fault("rows cannot be below 0, and share goes from 0 to 1")

    table = Table(args.table)
    place = table.place(args.stratify_by) if args.stratify_by else None
    left = Counter(row[place] if place is not None else "" for row in table)
    total = sum(left.values())
    share = args.share if args.rows is None else min(1.0, args.rows / total) if total else 0.0
    wanted = quotas(left, share)
    chance = random.Random(args.seed)
    with Writer(args.result / "table.csv", table.columns) as result:
        for row in table:
            value = row[place] if place is not None else ""
            # Each row that is still to come has the same chance of each place that is still free.
            if chance.random() * left[value] < wanted[value]:
                wanted[value] -= 1
                result.write(row)
            left[value] -= 1
    print(f"{result.rows} of {total} rows")


def quotas(sizes, share):
    """How many rows of each value to take. What rounding takes from one value it gives to the next."""
    seen, given, wanted = 0, 0, {}
    for value in sorted(sizes):
        seen += sizes[value]
        wanted[value] = max(0, min(sizes[value], int(seen * share + 0.5) - given))
        given += wanted[value]
    return wanted


if __name__ == "__main__":
    run(main)
