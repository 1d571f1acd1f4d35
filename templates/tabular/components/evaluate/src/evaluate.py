"""How often the model is right on rows that training did not see."""

import argparse
import csv
import json
import math
from collections import Counter
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    args = parser.parse_args()

    model = json.loads((args.model / "model.json").read_text(encoding="utf-8"))
    with open(args.test / "test.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    pairs = [(row[model["label"]], predict(model, row)) for row in rows]
    right = sum(actual == guess for actual, guess in pairs)
    metrics = {
        "accuracy": round(right / len(pairs), 4),
        "rows": len(pairs),
        "confusion": {f"{actual} taken for {guess}": n for (actual, guess), n in sorted(Counter(pairs).items())},
    }
    (args.evaluation / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    with open(args.evaluation / "predictions.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["label", "predicted"])
        writer.writerows(pairs)
    print(f"accuracy {metrics['accuracy']:.1%}: {right} of {len(pairs)} right")


def predict(model, row):
    """The class that makes the row most likely."""
    return max(model["classes"], key=lambda name: likelihood(model["classes"][name], row))


def likelihood(learnt, row):
    """The logarithm of it, up to a constant."""
    total = math.log(learnt["share"])
    for column, spread in learnt["numbers"].items():
        distance = (float(row[column]) - spread["mean"]) / spread["deviation"]
        total -= distance**2 / 2 + math.log(spread["deviation"])
    for column, shares in learnt["texts"].items():
        total += math.log(shares.get(row[column], 1e-6))
    return total


if __name__ == "__main__":
    main()
