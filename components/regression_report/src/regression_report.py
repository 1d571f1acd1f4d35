"""Metrics of predicted numbers, and charts of what was predicted and what was missed, as one HTML page."""

import argparse
from array import array
from pathlib import Path

from command import Fault, count, run
from metrics import regression
from pages import Plot, facts, heading, histogram, paragraph, spread, table, thinned, write_page
from results import write_json
from tables import Table, number, quoted, text

DOTS = 1500  # of a chart; more hide each other
WORST = 10


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", required=True)
    parser.add_argument("--label", default="label")
    parser.add_argument("--predicted", default="predicted")
    parser.add_argument("--title", default="Regression report")
    parser.add_argument("--report", type=Path, required=True)
    args = parser.parse_args(arguments)

    labels, predicted = read(Table(args.predictions), args.label, args.predicted)
    if not labels:
        raise Fault("there is no row to report on")
    metrics = regression(labels, predicted)
    write_page(args.report / "report.html", args.title, *parts(metrics, labels, predicted))
    write_json(args.report / "metrics.json", metrics)
    print(f"report.html: {count(metrics['rows'], 'row')}, rmse {text(metrics['rmse'])}")


def read(table, label, predicted):
    truth, guess = table.place(label), table.place(predicted)
    labels, guesses = array("d"), array("d")
    for row in table:
        for place, values in ((truth, labels), (guess, guesses)):
            value = number(row[place])
            if value is None:
                raise table.fault(f"{quoted(row[place])} is not a number", table.columns[place])
            values.append(value)
    return labels, guesses


def parts(metrics, labels, predicted):
    errors = [guess - label for label, guess in zip(labels, predicted)]
    order = sorted(range(len(labels)), key=lambda i: (labels[i], predicted[i]))
    drawn = thinned(order, DOTS)
    ends = spread([*labels, *predicted])
    low, high = min(errors), max(errors)
    edges, counts = histogram(errors)
    note = f" {len(drawn)} of {len(order)} rows are drawn, evenly by label." if len(drawn) < len(order) else ""

    against = Plot(ends, ends, "label", "predicted", 460, 420)
    against.line([(ends[0], ends[0]), (ends[1], ends[1])], "var(--soft)", dashed=True)
    against.dots((labels[i], predicted[i]) for i in drawn)
    missed = Plot(spread(predicted), spread([low, high, 0.0]), "predicted", "error")
    missed.line([(missed.x.low, 0.0), (missed.x.high, 0.0)], "var(--soft)", dashed=True)
    missed.dots((predicted[i], errors[i]) for i in drawn)
    errors_drawn = Plot((edges[0], edges[-1]), (0, max(counts) * 1.05), "error", "rows")

    worst = sorted(range(len(errors)), key=lambda i: (-abs(errors[i]), i))[:WORST]
    return [
        facts(
            [(name.replace("_", " "), value) for name, value in metrics.items() if name != "kind" and value is not None]
        ),
        heading("Predicted against label"),
        paragraph("On the dashed line a prediction is right." + note),
        against.drawn(),
        heading("Errors against predictions"),
        paragraph("An error is what was predicted less the label. A good model leaves no pattern here." + note),
        missed.drawn(),
        heading("How large the errors are"),
        errors_drawn.columns(edges, counts).drawn(),
        heading("The largest errors"),
        table(["row", "label", "predicted", "error"], [[i + 1, labels[i], predicted[i], errors[i]] for i in worst]),
    ]


if __name__ == "__main__":
    run(main)
