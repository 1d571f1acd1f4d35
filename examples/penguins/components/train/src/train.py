"""Softmax regression by gradient descent."""

import argparse
import csv
import json
import math
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--model", type=Path, required=True)
    args = parser.parse_args()

    with open(args.prepared / "train.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if name != "species"]
    species = sorted({row["species"] for row in rows})
    points = [[1.0] + [float(row[name]) for name in features] for row in rows]
    labels = [species.index(row["species"]) for row in rows]
    print(f"{len(points)} penguins, {len(features)} features, {len(species)} species")

    weights = descend(points, labels, len(species), args.learning_rate, args.epochs)

    # Six digits: enough for the model, and the same on every machine.
    model = {
        "features": ["intercept", *features],
        "weights": {
            name: [round(weight, 6) for weight in row]
            for name, row in zip(species, weights)
        },
    }
    (args.model / "model.json").write_text(json.dumps(model, indent=2) + "\n")


def descend(points, labels, classes, rate, epochs):
    """Follow the gradient of the mean cross-entropy from zero weights."""
    weights = [[0.0] * len(points[0]) for _ in range(classes)]
    for epoch in range(1, epochs + 1):
        loss, gradient = slope(points, labels, weights)
        for row, step in zip(weights, gradient):
            for i, value in enumerate(step):
                row[i] -= rate * value
        if epoch == 1 or epoch % max(1, epochs // 8) == 0:
            print(f"epoch {epoch:4d}  loss {loss:.4f}", flush=True)
    return weights


def slope(points, labels, weights):
    """The loss at these weights, and its gradient."""
    loss = 0.0
    gradient = [[0.0] * len(row) for row in weights]
    for point, label in zip(points, labels):
        chances = softmax([dot(row, point) for row in weights])
        loss -= math.log(max(chances[label], 1e-300)) / len(points)
        for k, chance in enumerate(chances):
            error = (chance - (k == label)) / len(points)
            for i, value in enumerate(point):
                gradient[k][i] += error * value
    return loss, gradient


def softmax(scores):
    highest = max(scores)
    powers = [math.exp(score - highest) for score in scores]
    total = math.fsum(powers)
    return [power / total for power in powers]


def dot(left, right):
    return math.fsum(a * b for a, b in zip(left, right))


if __name__ == "__main__":
    main()
