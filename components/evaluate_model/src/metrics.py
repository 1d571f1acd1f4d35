"""How well predictions meet the truth."""

import math
from statistics import median

from results import rounded


def classification(labels, predicted, probabilities=None, classes=None):
    """Metrics of predicted classes. probabilities has a list for each class, with a value for each label."""
    if classes is None:
        classes = sorted(set(labels) | set(predicted))
    confusion = {actual: dict.fromkeys(classes, 0) for actual in classes}
    for actual, guess in zip(labels, predicted):
        confusion[actual][guess] += 1
    right = sum(confusion[name][name] for name in classes)
    by_class = {name: one_class(name, confusion) for name in classes}
    present = [name for name in classes if by_class[name]["rows"]]
    named = [name for name in classes if by_class[name]["rows"] or by_class[name]["predicted"]]
    metrics = {
        "kind": "classification",
        "rows": len(labels),
        "accuracy": rounded(right / len(labels)),
        "balanced_accuracy": mean(by_class[name]["recall"] for name in present),
        "precision": mean(by_class[name]["precision"] for name in named),
        "recall": mean(by_class[name]["recall"] for name in named),
        "f1": mean(by_class[name]["f1"] for name in named),
    }
    if probabilities is not None:
        metrics["log_loss"] = log_loss(labels, probabilities)
        areas = [
            area_under_roc([label == name for label in labels], probabilities[name])
            for name in present
            if name in probabilities
        ]
        if areas and None not in areas:
            metrics["roc_auc"] = mean(areas)
    return {**metrics, "classes": by_class, "confusion": confusion}


def one_class(name, confusion):
    """How well one class is told from all others."""
    right = confusion[name][name]
    rows = sum(confusion[name].values())
    guessed = sum(row[name] for row in confusion.values())
    return {
        "rows": rows,
        "predicted": guessed,
        "precision": rounded(right / guessed) if guessed else 0.0,
        "recall": rounded(right / rows) if rows else 0.0,
        "f1": rounded(2 * right / (rows + guessed)) if rows + guessed else 0.0,
    }


def log_loss(labels, probabilities):
    """The mean of -log of the probability that was given to what came true."""
    never = [0.0] * len(labels)  # the probability of a class that the model does not know
    chances = [probabilities.get(label, never)[i] for i, label in enumerate(labels)]
    return mean(-math.log(max(1e-15, chance)) for chance in chances)  # one wrong certainty is not infinitely bad


def roc(truth, scores):
    """The points (false positive rate, true positive rate), from the strictest threshold on; None for one class."""
    positives = sum(truth)
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    points, true, false, last = [(0.0, 0.0)], 0, 0, None
    for score, positive in sorted(zip(scores, truth), key=lambda pair: -pair[0]):
        if last is not None and score != last:
            points.append((false / negatives, true / positives))
        true, false, last = true + positive, false + (not positive), score
    return points + [(1.0, 1.0)]


def area_under_roc(truth, scores):
    """The chance that a positive has a higher score than a negative; None where there is only one class."""
    points = roc(truth, scores)
    if points is None:
        return None
    return rounded(math.fsum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in zip(points, points[1:])))


def regression(actual, predicted):
    """Metrics of predicted numbers."""
    errors = [guess - value for value, guess in zip(actual, predicted)]
    squares = math.fsum(error * error for error in errors)
    centre = math.fsum(actual) / len(actual)
    total = math.fsum((value - centre) ** 2 for value in actual)
    sizes = [abs(error) for error in errors]
    return {
        "kind": "regression",
        "rows": len(actual),
        "rmse": rounded(math.sqrt(squares / len(actual))),
        "mae": mean(sizes),
        "median_absolute_error": rounded(median(sizes)),
        "max_error": rounded(max(sizes)),
        "bias": mean(errors),
        # Of a label that never changes there is nothing to explain.
        "r2": rounded(1 - squares / total) if total else None,
    }


def mean(values):
    values = list(values)
    return rounded(math.fsum(values) / len(values)) if values else 0.0
