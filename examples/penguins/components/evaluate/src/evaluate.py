"""Compare what the model says of the test penguins with the truth."""

import argparse
import csv
import json
import math
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    args = parser.parse_args()

    model = json.loads((args.model / "model.json").read_text())
    with open(args.prepared / "test.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    truth = [row["species"] for row in rows]
    guesses = [predict(model, row) for row in rows]

    species = sorted(model["weights"])
    right = sum(guess == actual for guess, actual in zip(guesses, truth))
    metrics = {
        "accuracy": round(right / len(rows), 4),
        "right": right,
        "tested": len(rows),
        # confusion[actual][guess] counts penguins.
        "confusion": {
            actual: {guess: count(truth, guesses, actual, guess) for guess in species}
            for actual in species
        },
    }
    (args.evaluation / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    write_predictions(args.evaluation / "predictions.csv", truth, guesses)

    print(f"accuracy {metrics['accuracy']:.4f}: {right} of {len(rows)} right")
    for actual, row in metrics["confusion"].items():
        print(f"  {actual:9s} taken for " + ", ".join(f"{n} {k}" for k, n in row.items() if n))


def predict(model, row):
    """The species whose weights give the highest score."""
    point = [1.0] + [float(row[name]) for name in model["features"][1:]]
    return max(
        sorted(model["weights"]),
        key=lambda name: math.fsum(w * x for w, x in zip(model["weights"][name], point)),
    )


def count(truth, guesses, actual, guess):
    return sum(pair == (actual, guess) for pair in zip(truth, guesses))


def write_predictions(path, truth, guesses):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["species", "predicted"])
        writer.writerows(zip(truth, guesses))


if __name__ == "__main__":
    main()
