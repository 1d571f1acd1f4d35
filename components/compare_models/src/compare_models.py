"""Choose the best of several models by one metric of their evaluations."""

import argparse
import json
import shutil
from pathlib import Path

from command import Fault, run, words
from pages import bars, facts, heading, paragraph, shown, table, write_page
from results import write_json
from tables import near, quoted

# Of these less is better; of any other metric, more.
LESS_IS_BETTER = {"log_loss", "rmse", "mae", "mse", "median_absolute_error", "max_error", "loss", "error"}
USUAL = {"classification": "log_loss", "regression": "rmse"}
# What is no measure of quality, though it is a number.
NOT_COMPARED = {"rows", "skipped", "unseen"}


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    for letter in "abcd":
        parser.add_argument(f"--model-{letter}", type=Path, required=letter < "c")
        parser.add_argument(f"--evaluation-{letter}", type=Path, required=letter < "c")
    parser.add_argument("--metric", default="auto")
    parser.add_argument("--names", type=words, default=[])
    parser.add_argument("--best", type=Path, required=True)
    parser.add_argument("--comparison", type=Path, required=True)
    args = parser.parse_args(arguments)

    candidates = read_candidates(args)
    metric = args.metric if args.metric != "auto" else usual(candidates)
    best = choose(candidates, metric)
    copy(best.model, args.best)
    write_json(
        args.comparison / "comparison.json",
        {
            "metric": metric,
            "better": "less" if metric in LESS_IS_BETTER else "more",
            "best": best.name,
            "models": {candidate.name: candidate.metrics for candidate in candidates},
        },
    )
    write_report(args.comparison / "report.html", candidates, metric, best)
    for candidate in candidates:
        mark = "  <- chosen" if candidate is best else ""
        print(f"{candidate.name:20} {metric} {shown(candidate.metrics[metric])}{mark}")


class Candidate:
    """A model, and the metrics of its evaluation."""

    def __init__(self, name, model, evaluation):
        self.name, self.model = name, model
        path = evaluation / "metrics.json" if evaluation.is_dir() else evaluation
        try:
            metrics = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Fault(f"the evaluation of {name}: metrics.json cannot be read: {error}") from error
        if not isinstance(metrics, dict):
            raise Fault(f"the evaluation of {name}: metrics.json must hold names with their values")
        self.kind, self.rows = metrics.get("kind"), metrics.get("rows")
        self.metrics = {
            name: value
            for name, value in metrics.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and name not in NOT_COMPARED
        }


def read_candidates(args):
    letters = []
    for letter in "abcd":
        model, evaluation = getattr(args, f"model_{letter}"), getattr(args, f"evaluation_{letter}")
        if (model is None) != (evaluation is None):
            raise Fault(f"model_{letter} and evaluation_{letter} must be given together")
        if model is not None:
            letters.append(letter)
    names = args.names or letters
    if len(names) != len(letters) or len(set(names)) != len(names):
        raise Fault(f"names: {len(letters)} different names are needed, and these are {', '.join(map(quoted, names))}")
    candidates = [
        Candidate(name, getattr(args, f"model_{letter}"), getattr(args, f"evaluation_{letter}"))
        for name, letter in zip(names, letters)
    ]
    rows = {candidate.rows for candidate in candidates}
    if len(rows) > 1:
        print(f"careful: the models were evaluated on different numbers of rows: {', '.join(map(str, rows))}")
    return candidates


def usual(candidates):
    kinds = {candidate.kind for candidate in candidates}
    if len(kinds) > 1 or candidates[0].kind not in USUAL:
        raise Fault("the evaluations are not of one kind, classification or regression: say which metric decides")
    return USUAL[candidates[0].kind]


def choose(candidates, metric):
    for candidate in candidates:
        if metric not in candidate.metrics:
            hint = near(metric, list(candidate.metrics))
            raise Fault(f"the evaluation of {candidate.name} has no metric {quoted(metric)}{hint}")
    values = [candidate.metrics[metric] for candidate in candidates]
    return candidates[values.index(min(values) if metric in LESS_IS_BETTER else max(values))]


def copy(model, to):
    to.mkdir(parents=True, exist_ok=True)
    if model.is_file():
        shutil.copyfile(model, to / model.name)
        return
    for path in sorted(model.rglob("*")):
        target = to / path.relative_to(model)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def write_report(path, candidates, metric, best):
    metrics = []
    for candidate in candidates:
        metrics += [name for name in candidate.metrics if name not in metrics]
    rows = [[candidate.name] + [candidate.metrics.get(name) for name in metrics] for candidate in candidates]
    values = [(candidate.name, candidate.metrics[metric]) for candidate in candidates]
    write_page(
        path,
        "Comparison of models",
        facts([("chosen", best.name), (metric, best.metrics[metric])]),
        paragraph(f"Chosen by {metric}; {'less' if metric in LESS_IS_BETTER else 'more'} is better."),
        heading(metric),
        bars(values, low=min(0.0, *(value for _, value in values))),
        heading("All metrics"),
        table(["model"] + metrics, rows, best=candidates.index(best)),
    )


if __name__ == "__main__":
    run(main)
