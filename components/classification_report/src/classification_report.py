"""Confusion matrix, metrics of each class, ROC and calibration curves, as one HTML page."""

import argparse
from pathlib import Path

from command import Fault, count, run
from metrics import classification, roc
from pages import COLOURS, Plot, bars, confusion, facts, heading, paragraph, shown, table, thinned, write_page
from results import write_json
from tables import Table, number, quoted

PREFIX = "probability_"
CURVES = len(COLOURS)  # more than that nobody can tell apart
POINTS = 400  # of a curve; more cannot be seen


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", required=True)
    parser.add_argument("--label", default="label")
    parser.add_argument("--predicted", default="predicted")
    parser.add_argument("--title", default="Classification report")
    parser.add_argument("--report", type=Path, required=True)
    args = parser.parse_args(arguments)

    labels, predicted, probabilities = read(Table(args.predictions), args.label, args.predicted)
    if not labels:
        raise Fault("there is no row to report on")
    metrics = classification(labels, predicted, probabilities)
    write_page(args.report / "report.html", args.title, *parts(metrics, labels, probabilities))
    write_json(args.report / "metrics.json", metrics)
    print(f"report.html: {count(metrics['rows'], 'row')}, accuracy {metrics['accuracy']:.1%}")


def read(table, label, predicted):
    """The truth, the predictions, and the probabilities of each class, or None where the table has none."""
    truth, guess = table.place(label), table.place(predicted)
    chances = {
        name[len(PREFIX) :]: place
        for place, name in enumerate(table.columns)
        if name.startswith(PREFIX) and place not in (truth, guess)
    }
    labels, guesses, probabilities = [], [], {name: [] for name in chances}
    for row in table:
        labels.append(row[truth])
        guesses.append(row[guess])
        for name, place in chances.items():
            value = number(row[place])
            if value is None or not 0 <= value <= 1:
                raise table.fault(f"{quoted(row[place])} is not a probability", table.columns[place])
            probabilities[name].append(value)
    return labels, guesses, probabilities or None


def parts(metrics, labels, probabilities):
    right = sum(metrics["confusion"][name][name] for name in metrics["classes"])
    shown_metrics = [
        (name.replace("_", " "), metrics[name])
        for name in ("accuracy", "balanced_accuracy", "f1", "roc_auc", "log_loss")
        if name in metrics
    ]
    page = [
        paragraph(f"{right} of {count(metrics['rows'], 'row')} were given their class."),
        facts(shown_metrics),
        heading("Confusion matrix"),
        confusion(metrics["confusion"]),
        heading("Each class"),
        table(
            ["class", "rows", "predicted", "precision", "recall", "F1"],
            [
                [name, one["rows"], one["predicted"], one["precision"], one["recall"], one["f1"]]
                for name, one in metrics["classes"].items()
            ],
        ),
        heading("F1"),
        bars([(name, one["f1"]) for name, one in metrics["classes"].items()], high=1.0),
    ]
    return page + (curves(metrics, labels, probabilities) if probabilities else [])


def curves(metrics, labels, probabilities):
    """What the probabilities are worth."""
    classes = [name for name in metrics["classes"] if name in probabilities]
    if len(classes) == 2:
        classes = classes[1:]  # the other one mirrors it
    receiver = Plot((0, 1), (0, 1), "false positive rate", "true positive rate", 460, 420)
    calibration = Plot((0, 1), (0, 1), "probability that was given", "share that came true", 460, 420)
    receiver.line([(0, 0), (1, 1)], "var(--soft)", dashed=True)
    calibration.line([(0, 0), (1, 1)], "var(--soft)", dashed=True)
    legend = []
    for name, colour in zip(classes, COLOURS):
        truth = [label == name for label in labels]
        points = roc(truth, probabilities[name])
        if points is not None:
            receiver.line(thinned(points[:-1], POINTS) + points[-1:], colour)
            bins = calibrated(truth, probabilities[name])
            calibration.line(bins, colour).dots(bins, colour)
            legend.append((name, colour))
    if not legend:
        return []
    hidden = len(classes) - CURVES
    return [
        heading("ROC: each class against the rest"),
        receiver.legend(legend).drawn(),
        heading("Calibration"),
        paragraph("Rows are put into ten bins by their probability. On the dashed line probabilities are as they should be."),
        calibration.legend(legend).drawn(),
        *([paragraph(f"{shown(hidden)} more classes are not drawn.")] if hidden > 0 else []),
    ]


def calibrated(truth, chances, bins=10):
    """Of each bin that has rows: their mean probability, and the share that came true."""
    sums = [[0, 0.0, 0] for _ in range(bins)]
    for positive, chance in zip(truth, chances):
        one = sums[min(bins - 1, int(chance * bins))]
        one[0] += 1
        one[1] += chance
        one[2] += positive
    return [(total / rows, true / rows) for rows, total, true in sums if rows]


if __name__ == "__main__":
    run(main)
