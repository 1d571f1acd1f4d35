"""Put the rows of several tables one after another."""

import argparse
from pathlib import Path

from command import Fault, count, run
from tables import Table, Writer, find, quoted

INPUTS = ("first", "second", "third", "fourth")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    for name in INPUTS:
        parser.add_argument(f"--{name}", type=Path, required=name == "first")
    parser.add_argument("--columns", choices=("same", "common", "all"), default="same")
    parser.add_argument("--source-column", default="")
    parser.add_argument("--result", type=Path, required=True)
    args = parser.parse_args(arguments)

    tables = []  # (source, table), a file each: the files of a folder may differ too
    for name in INPUTS:
        path = getattr(args, name)
        for file in find(path) if path is not None else []:
            inner = file.relative_to(path) if path.is_dir() else Path(file.name)
            tables.append(((Path(name) / inner).as_posix(), Table(file)))
    columns = choose(tables, args.columns)
    if args.source_column in columns:
        raise Fault(f"there is a column {quoted(args.source_column)} already; give source_column another name")

    added = [args.source_column] if args.source_column else []
    with Writer(args.result / "table.csv", columns + added) as result:
        for source, table in tables:
            before = result.rows
            places = [table.columns.index(name) if name in table.columns else None for name in columns]
            ending = [source] if added else []
            for row in table:
                result.write(["" if place is None else row[place] for place in places] + ending)
            print(f"{source}: {count(result.rows - before, 'row')}")
    print(f"together: {count(result.rows, 'row')}, {count(len(columns), 'column')}")


def choose(tables, how):
    """The columns of the result."""
    source, first = tables[0]
    if how == "common":
        columns = [name for name in first.columns if all(name in table.columns for _, table in tables)]
        if not columns:
            raise Fault("there is no column that all files have")
        return columns
    columns = list(first.columns)
    for other, table in tables[1:]:
        extra = [name for name in table.columns if name not in columns]
        lacking = [name for name in columns if name not in table.columns]
        if how == "same" and (extra or lacking):
            raise Fault(
                f"{other} does not have the columns of {source}:"
                + (f" {', '.join(map(quoted, lacking))} missing" if lacking else "")
                + (";" if lacking and extra else "")
                + (f" {', '.join(map(quoted, extra))} added" if extra else "")
                + ". Set columns to common or all to take them together"
            )
        columns += extra
    return columns


if __name__ == "__main__":
    run(main)
