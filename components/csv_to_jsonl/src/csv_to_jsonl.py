"""Write each row of a table as a JSON object, in a line of its own."""

import argparse
import json
import re
from pathlib import Path

from command import count, run
from tables import Table, missing

# A number as JSON writes it is copied as it is, with all its digits; 007 and +1 are texts.
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
TRUTHS = {"true": "true", "false": "false", "True": "true", "False": "false", "TRUE": "true", "FALSE": "false"}


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--types", choices=("infer", "text"), default="infer")
    parser.add_argument("--result", type=Path, required=True)
    args = parser.parse_args(arguments)

    table = Table(args.table)
    writers = infer(table) if args.types == "infer" else [quote] * len(table.columns)
    names = [quote(name) for name in table.columns]
    args.result.mkdir(parents=True, exist_ok=True)
    rows = 0
    with open(args.result / "table.jsonl", "w", encoding="utf-8", newline="") as file:
        for row in table:
            file.write("{" + ", ".join(f"{name}: {write(cell)}" for name, write, cell in zip(names, writers, row)) + "}\n")
            rows += 1
    print(count(rows, "row"))
    for name, write in zip(table.columns, writers):
        print(f"  {name}: {KINDS[write]}")


def infer(table):
    """For each column, what writes its cells as JSON."""
    numbers, truths = [True] * len(table.columns), [True] * len(table.columns)
    seen = [False] * len(table.columns)
    for row in table:
        for i, cell in enumerate(row):
            if missing(cell):
                continue
            seen[i] = True
            numbers[i] = numbers[i] and NUMBER.fullmatch(cell.strip()) is not None
            truths[i] = truths[i] and cell.strip() in TRUTHS
    return [
        as_number if any_ and number else as_truth if any_ and truth else as_text
        for any_, number, truth in zip(seen, numbers, truths)
    ]


def quote(cell):
    return json.dumps(cell, ensure_ascii=False)


def as_text(cell):
    return "null" if missing(cell) else quote(cell)


def as_number(cell):
    return "null" if missing(cell) else cell.strip()


def as_truth(cell):
    return "null" if missing(cell) else TRUTHS[cell.strip()]


KINDS = {quote: "text", as_text: "text", as_number: "number", as_truth: "true or false"}


if __name__ == "__main__":
    run(main)
