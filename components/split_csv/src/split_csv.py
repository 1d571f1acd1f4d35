"""Split a table into rows to train on, to test on and to validate with."""

import argparse
import random
from collections import Counter
from pathlib import Path

from command import Fault, count, run
from tables import Table, Writer, quoted

PARTS = ("test", "validation", "train")  # in the order in which they get their rows


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--validation-share", type=float, default=0.0)
    parser.add_argument("--stratify-by", default="")
    parser.add_argument("--group-by", default="")
    parser.add_argument("--seed", type=int, default=42)
    for part in PARTS:
        parser.add_argument(f"--{part}", type=Path, required=True)
    args = parser.parse_args(arguments)

    shares = {"test": args.test_share, "validation": args.validation_share}
    if min(shares.values()) < 0 or sum(shares.values()) > 1:
        raise Fault(f"test_share ({args.test_share}) and validation_share ({args.validation_share}) go beyond 0 to 1")
    if args.stratify_by and args.group_by:
        raise Fault("stratify_by and group_by cannot both be given")

    table = Table(args.table)
    if args.group_by:
        part_of = together(table, args.group_by, shares, args.seed)
    else:
        part_of = evenly(table, args.stratify_by, shares, args.seed)
    writers = {part: Writer(getattr(args, part) / f"{part}.csv", table.columns) for part in PARTS}
    for row in table:
        writers[part_of(row)].write(row)
    for part, writer in writers.items():
        writer.close()
        print(f"{part}: {count(writer.rows, 'row')}")


def evenly(table, column, shares, seed):
    """Deal the rows out by chance, in exact numbers, with the same share of every value of the column in each part."""
    place = table.place(column) if column else None
    sizes = Counter(row[place] if column else "" for row in table)
    left = quotas(sizes, shares)
    chance = random.Random(seed)

    def part_of(row):
        # Each row that is still to come has the same chance of each place that is still free.
        free = left[row[place] if column else ""]
        at = chance.random() * sum(free.values())
        for part in PARTS:
            if at < free[part]:
                free[part] -= 1
                return part
            at -= free[part]
        raise AssertionError("there are as many places as rows")

    if column:
        print(f"stratified by {quoted(column)}: {count(len(sizes), 'value')}")
    return part_of


def quotas(sizes, shares):
    """How many rows of each value go to each part. What rounding takes from one value it gives to the next."""
    seen, given, left = 0, Counter(), {}
    for value in sorted(sizes):
        seen += sizes[value]
        free = {}
        for part, share in shares.items():
            # No part may take more rows than this value still has.
            free[part] = max(0, min(int(seen * share + 0.5) - given[part], sizes[value] - sum(free.values())))
            given[part] += free[part]
        free["train"] = sizes[value] - sum(free.values())
        left[value] = free
    return left


def together(table, column, shares, seed):
    """Deal out whole groups, in an order that chance decides, as near to the shares as the groups allow."""
    place = table.place(column)
    sizes = Counter(row[place] for row in table)
    chance = random.Random(seed)
    order = [value for _, value in sorted((chance.random(), value) for value in sorted(sizes))]
    rows = sum(sizes.values())
    wanted = {part: shares[part] * rows for part in shares}
    parts, filled = {}, Counter()
    for value in order:
        fits = [part for part in shares if filled[part] + sizes[value] / 2 <= wanted[part] and wanted[part] > 0]
        parts[value] = fits[0] if fits else "train"
        filled[parts[value]] += sizes[value]
    print(f"grouped by {quoted(column)}: {count(len(sizes), 'group')}")
    return lambda row: parts[row[place]]


if __name__ == "__main__":
    run(main)
