"""Bring columns of numbers to one scale, and other tables to the same one."""

import argparse
from pathlib import Path

from command import Fault, count, run, words
from results import read_json, write_json
from summaries import summarise
from tables import Table, Writer, missing, number, quoted, text

METHODS = ("standard", "min_max", "robust")
FORMAT = "millrace scales 1"


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--fitted", type=Path)
    parser.add_argument("--method", choices=METHODS, default="standard")
    parser.add_argument("--columns", type=words, default=[])
    parser.add_argument("--exclude", type=words, default=[])
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--fit", type=Path, required=True)
    args = parser.parse_args(arguments)

    table = Table(args.table)
    if args.fitted:
        fit = read_json(args.fitted, "scales.json", FORMAT, "the output fit of normalize")
    else:
        fit = measure(table, args)
    write_json(args.fit / "scales.json", fit)
    apply(table, fit["columns"], args.result / "table.csv")


def measure(table, args):
    """Find the centre and the scale of each column."""
    left_out = table.pick(args.exclude)
    names = [name for name in (table.pick(args.columns) if args.columns else table.columns) if name not in left_out]
    columns = {}
    for summary in summarise(table, names, values=args.method == "robust"):
        if summary.numeric:
            centre, scale = scales(summary, args.method)
            # Written with ten digits, and used as written: another table gets the very same scale.
            columns[summary.name] = {"center": float(text(centre)), "scale": float(text(scale))}
        elif args.columns and summary.not_number:
            cell, where = summary.not_number
            raise Fault(f"{where}: {quoted(cell)} is not a number")
    return {"format": FORMAT, "method": args.method, "columns": columns}


def scales(summary, method):
    if method == "min_max":
        return summary.low, summary.high - summary.low
    if method == "robust":
        return summary.quantile(0.5), summary.quantile(0.75) - summary.quantile(0.25)
    return summary.mean, summary.deviation


def apply(table, columns, path):
    """Write the table with its numbers brought to scale."""
    scaled = [(name, table.place(name), scale["center"], scale["scale"]) for name, scale in columns.items()]
    with Writer(path, table.columns) as result:
        for row in table:
            for name, place, centre, scale in scaled:
                if missing(row[place]):
                    continue
                value = number(row[place])
                if value is None:
                    raise table.fault(f"{quoted(row[place])} is not a number", name)
                # A column that is the same everywhere has no scale; it becomes 0.
                row[place] = text((value - centre) / (scale or 1.0))
            result.write(row)
    print(f"{count(result.rows, 'row')}, {count(len(scaled), 'column')} brought to scale")
    for name, _, centre, scale in scaled:
        print(f"  {name}: center {text(centre)}, scale {text(scale)}" + ("" if scale else ", the same everywhere"))


if __name__ == "__main__":
    run(main)
