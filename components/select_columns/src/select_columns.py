"""Keep, leave out, reorder and rename columns of a table."""

import argparse
from pathlib import Path

from command import Fault, count, run, words
from tables import Table, Writer, quoted


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--columns", type=words, default=[])
    parser.add_argument("--exclude", type=words, default=[])
    parser.add_argument("--rename", type=words, default=[])
    parser.add_argument("--result", type=Path, required=True)
    args = parser.parse_args(arguments)

    table = Table(args.table)
    left_out = table.pick(args.exclude)
    kept = [name for name in (table.pick(args.columns) if args.columns else table.columns) if name not in left_out]
    if not kept:
        raise Fault("no column is left")
    places = [table.place(name) for name in kept]
    with Writer(args.result / "table.csv", renamed(table, kept, args.rename)) as result:
        for row in table:
            result.write([row[place] for place in places])
    print(f"{len(kept)} of {count(len(table.columns), 'column')}, {count(result.rows, 'row')}")


def renamed(table, kept, pairs):
    """The names of the columns that are kept, new ones where there are."""
    new = {}
    for pair in pairs:
        old, equals, name = (word.strip() for word in pair.partition("="))
        if not equals or not name:
            raise Fault(f"rename: {quoted(pair)} is not written as old=new")
        table.place(old)
        if old not in kept:
            raise Fault(f"rename: column {quoted(old)} is left out")
        new[old] = name
    names = [new.get(name, name) for name in kept]
    for name in names:
        if names.count(name) > 1:
            raise Fault(f"rename: two columns would be called {quoted(name)}")
    return names


if __name__ == "__main__":
    run(main)
