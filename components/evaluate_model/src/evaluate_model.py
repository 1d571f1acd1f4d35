"""What a linear or logistic model says of rows whose label is known, and how often it is right."""

import argparse
from pathlib import Path

from command import Fault, boolean, count, run
from metrics import classification, regression
from models import Reader, likeliest, load, scores
from results import write_json
from tables import Table, Writer, text


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--table", required=True)
    parser.add_argument("--skip-incomplete", type=boolean, default=False)
    parser.add_argument("--evaluation", type=Path, required=True)
    args = parser.parse_args(arguments)

    model = load(args.model)
    linear = model["kind"] == "linear"
    reader = Reader(Table(args.table), model["features"], model["label"], args.skip_incomplete, numeric_label=linear)
    metrics = (evaluate_linear if linear else evaluate_logistic)(model, reader, args.evaluation / "predictions.csv")
    metrics = {"label": model["label"], **metrics, "skipped": reader.skipped, "unseen": reader.unseen}
    write_json(args.evaluation / "metrics.json", metrics)

    print(f"{count(metrics['rows'], 'row')} evaluated, {count(reader.skipped, 'incomplete row')} left out")
    if reader.unseen:
        print(f"{count(reader.unseen, 'cell')} had a text that training had not seen; it counts as the first one known")
    for name, value in metrics.items():
        if isinstance(value, float):
            print(f"  {name}: {text(value)}")


def evaluate_linear(model, reader, path):
    labels, predicted = [], []
    with Writer(path, ["label", "predicted"]) as predictions:
        for _, label, terms in reader:
            labels.append(label)
            # As it is written, so that the metrics follow from the file.
            predicted.append(float(text(scores(model, terms))))
            predictions.write([text(label), text(predicted[-1])])
    complete(labels)
    return regression(labels, predicted)


def evaluate_logistic(model, reader, path):
    labels, predicted, probabilities = [], [], {name: [] for name in model["classes"]}
    with Writer(path, ["label", "predicted"] + [f"probability_{name}" for name in model["classes"]]) as predictions:
        for _, label, terms in reader:
            chances = [float(format(chance, ".6g")) for chance in scores(model, terms)]
            labels.append(label)
            predicted.append(likeliest(model, chances))
            for name, chance in zip(model["classes"], chances):
                probabilities[name].append(chance)
            predictions.write([label, predicted[-1]] + [text(chance) for chance in chances])
    complete(labels)
    return classification(labels, predicted, probabilities, sorted(set(model["classes"]) | set(labels)))


def complete(labels):
    if not labels:
        raise Fault("there is no complete row to evaluate")


if __name__ == "__main__":
    run(main)
