"""Naive Bayes: for each class, how its columns of numbers spread and how frequent its texts are.

Put your own training here: read the table in --train, and write what the model has learnt into --model.
"""

import argparse
import csv
import json
import statistics
from collections import Counter
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--model", type=Path, required=True)
    args = parser.parse_args()

    with open(args.train / "train.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if name != args.label]
    numbers = [name for name in features if all(is_number(row[name]) for row in rows)]
    texts = [name for name in features if name not in numbers]

    classes = {}
    for name in sorted({row[args.label] for row in rows}):
        group = [row for row in rows if row[args.label] == name]
        classes[name] = {
            "share": len(group) / len(rows),
            "numbers": {column: spread([float(row[column]) for row in group]) for column in numbers},
            "texts": {column: shares([row[column] for row in group], levels(rows, column)) for column in texts},
        }
        print(f"{name}: {len(group)} rows")
    model = {"label": args.label, "classes": classes}
    (args.model / "model.json").write_text(json.dumps(model, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def is_number(cell):
    try:
        float(cell)
    except ValueError:
        return False
    return True


def spread(values):
    """Mean and deviation; the latter never 0, for a class may have a single row."""
    return {"mean": round(statistics.fmean(values), 6), "deviation": max(1e-3, round(statistics.pstdev(values), 6))}


def levels(rows, column):
    return sorted({row[column] for row in rows})


def shares(values, names):
    """How frequent each text is, counted once more than it was seen so that none is impossible."""
    seen = Counter(values)
    return {name: round((seen[name] + 1) / (len(values) + len(names)), 6) for name in names}


if __name__ == "__main__":
    main()
