"""Softmax regression on penguins, which reports how it gets on.

Plain Python 3.9 or later with nothing installed.
"""

import csv
import json
import math
import os
import random
import sys

MEASURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")


def read(path):
    """The measures of every complete penguin, standardised, and its species."""
    with open(path, newline="") as f:
        rows = [r for r in csv.DictReader(f) if all(r[m] not in ("", "NA") for m in MEASURES)]
    columns = [[float(r[m]) for r in rows] for m in MEASURES]
    for column in columns:
        mean = sum(column) / len(column)
        spread = math.sqrt(sum((v - mean) ** 2 for v in column) / len(column))
        column[:] = [(v - mean) / spread for v in column]
    species = sorted({r["species"] for r in rows})
    return [list(x) + [1.0] for x in zip(*columns)], [species.index(r["species"]) for r in rows], species


def chances(weights, x):
    """How likely each species is."""
    scores = [sum(w * v for w, v in zip(row, x)) for row in weights]
    top = max(scores)
    powers = [math.exp(s - top) for s in scores]
    return [p / sum(powers) for p in powers]


def report(step, **metrics):
    """Appends a line to the file that Millrace reads; elsewhere there is none."""
    path = os.environ.get("MILLRACE_METRICS")
    if path:
        with open(path, "a") as f:
            f.write(json.dumps({"step": step, **metrics}) + "\n")


def main(data, out, rounds, rate, penalty):
    xs, ys, species = read(data)
    order = list(range(len(xs)))
    random.Random(1).shuffle(order)
    held, kept = order[: len(order) // 4], order[len(order) // 4 :]
    weights = [[0.0] * len(xs[0]) for _ in species]
    for step in range(1, rounds + 1):
        loss = 0.0
        slope = [[penalty * w for w in row] for row in weights]
        for i in kept:
            p = chances(weights, xs[i])
            loss -= math.log(max(p[ys[i]], 1e-12)) / len(kept)
            for k, row in enumerate(slope):
                error = (p[k] - (k == ys[i])) / len(kept)
                for j, v in enumerate(xs[i]):
                    row[j] += error * v
        for row, change in zip(weights, slope):
            for j, c in enumerate(change):
                row[j] -= rate * c
        seen = [chances(weights, xs[i]) for i in held]
        report(
            step,
            loss=loss,
            held_loss=-sum(math.log(max(p[ys[i]], 1e-12)) for p, i in zip(seen, held)) / len(held),
            accuracy=sum(p.index(max(p)) == ys[i] for p, i in zip(seen, held)) / len(held),
        )
    with open(os.path.join(out, "model.json"), "w") as f:
        json.dump({"species": species, "weights": weights}, f)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]))
