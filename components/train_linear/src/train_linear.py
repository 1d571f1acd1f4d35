"""Train a linear model by least squares."""

import argparse
import math

from command import Fault, boolean, count, run, words
from least_squares import LeastSquares
from models import Reader, choose_features, feature_terms, save
from results import rounded
from summaries import Summary
from tables import Table, quoted, text


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--features", type=words, default=[])
    parser.add_argument("--exclude", type=words, default=[])
    parser.add_argument("--l2", type=float, default=0.0)
    parser.add_argument("--max-levels", type=int, default=50)
    parser.add_argument("--skip-incomplete", type=boolean, default=False)
    parser.add_argument("--model", required=True)
    args = parser.parse_args(arguments)
    if not 0 <= args.l2 < math.inf:
        raise Fault("l2 cannot be below 0")

    table = Table(args.table)
    features = choose_features(table, args.label, args.features, args.exclude, args.max_levels)
    reader = Reader(table, features, args.label, args.skip_incomplete, numeric_label=True)
    intercept, weights, dependent = fit(reader, features, args.l2)
    quality = measure(reader, intercept, weights)
    terms = feature_terms(features)

    print(f"trained on {count(quality['rows'], 'row')}, {count(reader.skipped, 'incomplete row')} left out")
    print(f"rmse {text(quality['rmse'])}" + (f", r2 {text(quality['r2'])}" if quality["r2"] is not None else ""))
    print(f"  {'intercept':30} {text(intercept)}")
    for term, weight in zip(terms, weights):
        print(f"  {term:30} {text(weight)}")
    for i in dependent:
        print(f"{quoted(terms[i])} follows from the terms before it, or is always the same: its weight is 0")
    save(
        args.model,
        "linear",
        args.label,
        features,
        [intercept],
        [weights],
        training={
            **quality,
            "skipped": reader.skipped,
            "l2": args.l2,
            "dependent": [terms[i] for i in dependent],
        },
    )


def fit(reader, features, l2):
    """The intercept, a weight for each term, and the terms that depend on others."""
    # Centred and scaled columns are as independent as they can be made; the weights are scaled back at the end.
    spread = [pair for feature in features for pair in feature.spread]
    centres, scales = [mean for mean, _ in spread], [deviation or 1.0 for _, deviation in spread]
    problem, rows = LeastSquares(1 + len(spread)), 0
    for _, label, terms in reader:
        problem.add([1.0] + [(x - mean) / scale for x, mean, scale in zip(terms, centres, scales)], label)
        rows += 1
    if not rows:
        raise Fault("there is no complete row to train on")
    if l2:
        for i, scale in enumerate(scales):
            problem.add([0.0] * (1 + i) + [math.sqrt(l2) / scale] + [0.0] * (len(scales) - 1 - i), 0.0)
    solution, dependent = problem.solve()
    weights = [weight / scale for weight, scale in zip(solution[1:], scales)]
    intercept = solution[0] - math.fsum(weight * mean for weight, mean in zip(weights, centres))
    return intercept, weights, [i - 1 for i in dependent]


def measure(reader, intercept, weights):
    """How well the model meets the rows that it was trained on."""
    labels, squares = Summary("label"), 0.0
    for _, label, terms in reader:
        squares += (label - intercept - math.fsum(w * x for w, x in zip(weights, terms))) ** 2
        labels.add_number(label)
    total = labels.deviation**2 * labels.count
    return {
        "rows": labels.count,
        "rmse": rounded(math.sqrt(squares / labels.count)),
        "r2": rounded(1 - squares / total) if total else None,
    }


if __name__ == "__main__":
    run(main)
