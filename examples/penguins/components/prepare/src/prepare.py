"""Drop incomplete rows, split into train and test, standardise."""

import argparse
import csv
import json
import random
import statistics
from pathlib import Path

FEATURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measurements", type=Path, required=True)
    parser.add_argument("--test-share", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--prepared", type=Path, required=True)
    args = parser.parse_args()

    penguins = read_complete(args.measurements)
    train, test = split(penguins, args.test_share, args.seed)
    scaling = measure(train)

    write_csv(args.prepared / "train.csv", standardise(train, scaling))
    write_csv(args.prepared / "test.csv", standardise(test, scaling))
    (args.prepared / "scaling.json").write_text(json.dumps(scaling, indent=2) + "\n")
    print(f"{len(train)} penguins to train on, {len(test)} to test on")


def read_complete(path):
    """Read the penguins, without those that miss a measurement."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    complete = [row for row in rows if "NA" not in (row[name] for name in FEATURES)]
    print(f"{len(rows)} penguins read, {len(rows) - len(complete)} dropped as incomplete")
    return [
        {"species": row["species"], **{name: float(row[name]) for name in FEATURES}}
        for row in complete
    ]


def split(penguins, test_share, seed):
    """Keep the same share of every species for testing."""
    chance = random.Random(seed)
    train, test = [], []
    for species in sorted({penguin["species"] for penguin in penguins}):
        group = [penguin for penguin in penguins if penguin["species"] == species]
        chance.shuffle(group)
        kept = round(len(group) * test_share)
        test += group[:kept]
        train += group[kept:]
        print(f"  {species}: {len(group)}")
    return train, test


def measure(train):
    """Mean and deviation of each feature. The test rows must not take part."""
    scaling = {}
    for name in FEATURES:
        column = [penguin[name] for penguin in train]
        scaling[name] = {
            "mean": round(statistics.fmean(column), 6),
            "deviation": round(statistics.pstdev(column), 6),
        }
    return scaling


def standardise(penguins, scaling):
    """Bring every feature to mean 0 and deviation 1, written to six digits."""
    for penguin in penguins:
        row = {"species": penguin["species"]}
        for name, scale in scaling.items():
            row[name] = f"{(penguin[name] - scale['mean']) / scale['deviation']:.6f}"
        yield row


def write_csv(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["species", *FEATURES], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
