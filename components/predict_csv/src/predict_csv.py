"""Add what a linear or logistic model says to each row of a table."""

import argparse
from pathlib import Path

from command import Fault, boolean, count, run
from models import Reader, likeliest, load, scores
from tables import Table, Writer, quoted, text


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--column", default="predicted")
    parser.add_argument("--probabilities", type=boolean, default=True)
    parser.add_argument("--result", type=Path, required=True)
    args = parser.parse_args(arguments)

    model = load(args.model)
    table = Table(args.table)
    classes = model.get("classes", []) if args.probabilities else []
    added = [args.column] + [f"probability_{name}" for name in classes]
    for name in added:
        if name in table.columns:
            raise Fault(f"the table has a column {quoted(name)} already; give the new one another name with the input column")

    reader, empty = Reader(table, model["features"]), 0
    with Writer(args.result / "table.csv", table.columns + added) as result:
        for row in table:
            terms = reader.terms(row)
            if terms is None:
                empty += 1
                result.write(row + [""] * len(added))
                continue
            said = scores(model, terms)
            if model["kind"] == "linear":
                result.write(row + [text(said)])
            else:
                chances = [float(format(chance, ".6g")) for chance in said]
                result.write(row + [likeliest(model, chances)] + [text(chance) for chance in chances[: len(classes)]])
    print(f"{count(result.rows, 'row')}, {empty} without a prediction because a feature is missing")
    if reader.unseen:
        print(f"{count(reader.unseen, 'cell')} had a text that training had not seen; it counts as the first one known")


if __name__ == "__main__":
    run(main)
