"""Train a logistic model for two or more classes."""

import argparse
import math
from array import array
from collections import Counter
from operator import mul

from command import Fault, boolean, count, run, words
from lbfgs import minimise
from models import Reader, choose_features, feature_terms, save
from results import rounded
from tables import Table, quoted, text


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--label", required=True)
    parser.add_argument("--features", type=words, default=[])
    parser.add_argument("--exclude", type=words, default=[])
    parser.add_argument("--l2", type=float, default=1.0)
    parser.add_argument("--max-iterations", type=int, default=500)
    parser.add_argument("--tolerance", type=float, default=1e-8)
    parser.add_argument("--max-levels", type=int, default=50)
    parser.add_argument("--skip-incomplete", type=boolean, default=False)
    parser.add_argument("--model", required=True)
    args = parser.parse_args(arguments)
    if not 0 <= args.l2 < math.inf:
        raise Fault("l2 cannot be below 0")

    table = Table(args.table)
    features = choose_features(table, args.label, args.features, args.exclude, args.max_levels)
    reader = Reader(table, features, args.label, args.skip_incomplete)
    loss = Loss(reader, features, args.l2, args.max_levels)
    print(f"training on {count(loss.rows, 'row')}, {count(reader.skipped, 'incomplete row')} left out")
    for name, rows in zip(loss.classes, loss.sizes):
        print(f"  {name}: {rows}")

    found = minimise(loss, [0.0] * loss.width, args.tolerance, args.max_iterations, report)
    if not found.converged:
        raise Fault(
            f"no optimum after {count(found.iterations, 'iteration')}: the slope is still {found.slope:.2g}. Raise"
            " max_iterations, or l2; without l2, classes that a plane can separate have no optimum"
        )
    intercepts, weights = loss.unscaled(found.point)
    accuracy = loss.right(found.point) / loss.rows
    print(f"converged after {count(found.iterations, 'iteration')}: log loss {text(loss.plain)}, accuracy {text(accuracy)}")
    if accuracy == 1.0 and args.l2 == 0:
        print("a plane separates the classes: without l2 the weights grow until tolerance stops them")
    save(
        args.model,
        "logistic",
        args.label,
        features,
        intercepts,
        weights,
        classes=loss.classes,
        training={
            "rows": loss.rows,
            "skipped": reader.skipped,
            "l2": args.l2,
            "iterations": found.iterations,
            "log_loss": rounded(loss.plain),
            "accuracy": rounded(accuracy),
        },
    )


def report(iteration, value, slope):
    if iteration % 10 == 0:
        print(f"iteration {iteration:3d}  loss {value:.6f}  slope {slope:.1e}", flush=True)


class Loss:
    """The mean log loss with its ridge, as a function of all weights.

    Two classes have one row of weights, for the second against the first; more have a row each. The columns are centred
    and scaled so that the function has about the same shape in all directions.
    """

    def __init__(self, reader, features, l2, max_classes):
        self.table, self.terms = [], len(feature_terms(features))
        names, labels, numbers = Counter(), [], {}
        for _, label, terms in reader:
            names[label] += 1
            if len(names) > max_classes:
                raise Fault(f"label {quoted(reader.label)} has more than {max_classes} classes (max_levels); is it a number?")
            labels.append(numbers.setdefault(label, len(numbers)))
            self.table.append(array("d", terms))
        if not labels:
            raise Fault("there is no complete row to train on")
        if len(names) < 2:
            raise Fault(f"label {quoted(reader.label)} is always {quoted(next(iter(names)))}: there is nothing to tell apart")
        self.classes = sorted(names)
        self.sizes = [names[name] for name in self.classes]
        self.rows = len(labels)
        order = {numbers[name]: i for i, name in enumerate(self.classes)}
        self.labels = [order[label] for label in labels]
        self.lines = 1 if len(self.classes) == 2 else len(self.classes)
        self.width = self.lines * (1 + self.terms)
        self.plain = math.inf  # the mean log loss without the ridge, where the function was asked last

        spread = [pair for feature in features for pair in feature.spread]
        self.centres = [mean for mean, _ in spread]
        # The ridge bends the function most for columns of small numbers; the second summand evens that out.
        self.scales = [math.sqrt(deviation**2 + 4 * l2 / self.rows) or 1.0 for _, deviation in spread]
        self.ridge = [l2 / self.rows / scale**2 for scale in self.scales]
        for row in self.table:
            for i, (mean, scale) in enumerate(zip(self.centres, self.scales)):
                row[i] = (row[i] - mean) / scale
        self.columns = [array("d", (row[i] for row in self.table)) for i in range(self.terms)]

    def __call__(self, point):
        lines = self.split(point)
        losses, errors = [], [array("d") for _ in lines]
        for row, label in zip(self.table, self.labels):
            scores, chances, log_total = self.chances(lines, row)
            losses.append(log_total - scores[label])
            for k, error in enumerate(errors):
                k += len(chances) - len(lines)
                error.append(chances[k] - (k == label))
        self.plain = math.fsum(losses) / self.rows
        value, gradient = [self.plain], []
        for (_, weights), error in zip(lines, errors):
            value += [w * w * r / 2 for w, r in zip(weights, self.ridge)]
            gradient.append(math.fsum(error) / self.rows)
            gradient += [
                math.fsum(map(mul, error, column)) / self.rows + w * r
                for column, w, r in zip(self.columns, weights, self.ridge)
            ]
        return math.fsum(value), gradient

    def split(self, point):
        """The point as (intercept, weights) for each line."""
        size = 1 + self.terms
        return [(point[k * size], point[k * size + 1 : (k + 1) * size]) for k in range(self.lines)]

    @staticmethod
    def chances(lines, row):
        """The score and the probability of each class, and the logarithm of what the probabilities are divided by."""
        scores = [intercept + math.fsum(map(mul, weights, row)) for intercept, weights in lines]
        if len(scores) == 1:
            scores = [0.0, scores[0]]
        highest = max(scores)
        powers = [math.exp(score - highest) for score in scores]
        total = math.fsum(powers)
        return scores, [power / total for power in powers], highest + math.log(total)

    def right(self, point):
        """How many rows get their own class."""
        lines = self.split(point)
        hits = 0
        for row, label in zip(self.table, self.labels):
            scores, _, _ = self.chances(lines, row)
            hits += scores.index(max(scores)) == label
        return hits

    def unscaled(self, point):
        """Intercepts and weights for the columns as they are in the table."""
        intercepts, rows = [], []
        for intercept, weights in self.split(point):
            row = [weight / scale for weight, scale in zip(weights, self.scales)]
            intercepts.append(intercept - math.fsum(map(mul, row, self.centres)))
            rows.append(row)
        return intercepts, rows


if __name__ == "__main__":
    run(main)
