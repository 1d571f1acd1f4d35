"""Fill the cells of a table that have no value, or leave their rows out."""

import argparse
import math
from collections import Counter
from pathlib import Path

from command import Fault, count, run, words
from results import read_json, write_json
from summaries import summarise
from tables import Table, Writer, missing, quoted, text

STRATEGIES = ("auto", "mean", "median", "most_frequent", "constant", "drop_rows")
FORMAT = "millrace fill 1"


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--fitted", type=Path)
    parser.add_argument("--strategy", choices=STRATEGIES, default="auto")
    parser.add_argument("--columns", type=words, default=[])
    parser.add_argument("--value")
    parser.add_argument("--also-missing", type=words, default=[])
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--fit", type=Path, required=True)
    args = parser.parse_args(arguments)

    if args.strategy == "constant" and not args.value and not args.fitted:
        raise Fault("the strategy constant needs the input value")
    table = Gaps(args.table)
    if args.fitted:
        fit = read_json(args.fitted, "fill.json", FORMAT, "the output fit of fill_missing")
        table.mark(fit["columns"], fit["also_missing"])
    else:
        names = table.pick(args.columns) if args.columns else table.columns
        table.mark(names, args.also_missing)
        fit = {
            "format": FORMAT,
            "strategy": args.strategy,
            "columns": names,
            "also_missing": args.also_missing,
            "fills": measure(table, names, args),
        }
    write_json(args.fit / "fill.json", fit)
    fill(table, fit, args.result / "table.csv")


class Gaps(Table):
    """A table in which more texts than the usual ones mean, in some columns, that a value is missing."""

    places, marks = (), frozenset()

    def mark(self, names, marks):
        self.places, self.marks = [self.place(name) for name in names], frozenset(marks)

    def __iter__(self):
        for row in super().__iter__():
            if self.marks:
                for place in self.places:
                    if row[place].strip() in self.marks:
                        row[place] = ""
            yield row


def measure(table, names, args):
    """Find what to fill each column with."""
    if args.strategy == "drop_rows":
        return {}
    if args.strategy == "constant":
        return dict.fromkeys(names, args.value)
    keep = {
        "values": args.strategy in ("auto", "median"),
        "texts": math.inf if args.strategy in ("auto", "most_frequent") else 0,
    }
    fills = {}
    for summary in summarise(table, names, **keep):
        value = value_for(summary, args.strategy)
        if value is not None:
            fills[summary.name] = value
        elif args.columns:
            raise unfillable(summary, args.strategy)
    return fills


def value_for(summary, strategy):
    """The text that fills this column, or None where there is nothing to measure."""
    if summary.count == 0:
        return None
    if strategy == "most_frequent" or strategy == "auto" and not summary.numeric:
        return summary.most_frequent()
    if not summary.numeric:
        return None
    return text(summary.mean if strategy == "mean" else summary.quantile(0.5))


def unfillable(summary, strategy):
    if summary.count == 0:
        return Fault(f"column {quoted(summary.name)} has no value at all, so there is nothing to fill it with")
    cell, where = summary.not_number
    return Fault(f"{where}: {quoted(cell)} is not a number, so the column has no {strategy}")


def fill(table, fit, path):
    """Write the table without its gaps, and say how many there were."""
    columns = [(name, table.place(name)) for name in fit["columns"]]
    fills, gaps, dropped = fit["fills"], Counter(), 0
    with Writer(path, table.columns) as result:
        for row in table:
            missed = [(name, place) for name, place in columns if missing(row[place])]
            gaps.update(name for name, _ in missed)
            if missed and fit["strategy"] == "drop_rows":
                dropped += 1
                continue
            for name, place in missed:
                row[place] = fills.get(name, "")
            result.write(row)
    for name, _ in columns:
        if gaps[name]:
            ending = f"filled with {quoted(fills[name])}" if name in fills else "left"
            print(f"{name}: {count(gaps[name], 'gap')}" + ("" if dropped else f" {ending}"))
    print(count(result.rows, "row") + (f", {dropped} left out" if fit["strategy"] == "drop_rows" else ""))


if __name__ == "__main__":
    run(main)
