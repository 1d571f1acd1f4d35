"""Linear models: how the columns of a table become numbers, and how a model is kept in a file.

model.json holds everything that a prediction needs: the columns, and a weight for each term. A column of numbers is one
term; a column of texts has a term for each of its texts but the first, which is 1 where the cell holds that text.
"""

import math
from operator import mul
from pathlib import Path

from command import Fault
from results import read_json, rounded, write_json
from summaries import summarise
from tables import missing, number, quoted

FORMAT = "millrace linear model 1"


class Feature:
    """A column that a model looks at: numbers where levels is None, or else one of these texts.

    While a model is trained, spread has the mean and the deviation of each term.
    """

    def __init__(self, column, levels=None, spread=()):
        self.column, self.levels, self.spread = column, levels, spread

    def terms(self):
        if self.levels is None:
            return [self.column]
        return [f"{self.column}={level}" for level in self.levels[1:]]

    def numbers(self, cell):
        """The values of the terms; None for a cell that has no number where one is needed."""
        if self.levels is None:
            value = number(cell)
            return None if value is None else [value]
        # A text that training did not see counts as the first one.
        return [1.0 if cell == level else 0.0 for level in self.levels[1:]]


class Reader:
    """Reads the label and the terms of each row of a table.

    A row with a missing cell is a fault, or is left out where skip_incomplete is set; skipped counts those.
    """

    def __init__(self, table, features, label=None, skip_incomplete=False, numeric_label=False):
        self.table, self.features, self.skip_incomplete = table, features, skip_incomplete
        self.label, self.numeric_label = label, numeric_label
        self.skipped = self.unseen = 0
        self._label = None if label is None else table.place(label)
        self._columns = [(feature, table.place(feature.column)) for feature in features]

    def __iter__(self):
        """Every complete row as (row, label, terms)."""
        self.skipped = self.unseen = 0
        for row in self.table:
            gap = self._gap(row)
            if gap is None:
                yield row, self._read_label(row), self._terms(row)
            elif self.skip_incomplete:
                self.skipped += 1
            else:
                raise self.table.fault(
                    "the value is missing; fill it with the component fill_missing, or set skip_incomplete", gap
                )

    def terms(self, row):
        """The terms of a row that the table read last, or None where one of its features is missing."""
        return self._terms(row) if self._gap(row) is None else None

    def _gap(self, row):
        if self._label is not None and missing(row[self._label]):
            return self.label
        for feature, place in self._columns:
            if missing(row[place]):
                return feature.column
        return None

    def _read_label(self, row):
        if self._label is None or not self.numeric_label:
            return None if self._label is None else row[self._label]
        value = number(row[self._label])
        if value is None:
            raise self.table.fault(f"the label must be a number, and {quoted(row[self._label])} is none", self.label)
        return value

    def _terms(self, row):
        terms = []
        for feature, place in self._columns:
            values = feature.numbers(row[place])
            if values is None:
                raise self.table.fault(f"{quoted(row[place])} is not a number", feature.column)
            if feature.levels is not None and row[place] not in feature.levels:
                self.unseen += 1
            terms += values
        return terms


def choose_features(table, label, wanted, exclude, max_levels):
    """The features of a model that is to be trained on the table: what was named, or all columns but the label."""
    table.place(label)
    if label in wanted:
        raise Fault(f"the label {quoted(label)} cannot be a feature too")
    left_out = set(table.pick(exclude)) | {label}
    names = [name for name in (table.pick(wanted) if wanted else table.columns) if name not in left_out]
    if not names:
        raise Fault("no column is left to be a feature")
    return [feature_of(summary, max_levels) for summary in summarise(table, names, texts=max_levels)]


def feature_of(summary, max_levels):
    """Make a feature of a column: of numbers if all its cells are, else of texts."""
    if summary.count == 0:
        raise Fault(f"column {quoted(summary.name)} has no value at all: leave it out with the input exclude")
    if summary.numeric:
        return Feature(summary.name, spread=[(summary.mean, summary.deviation)])
    if not summary.texts:
        cell, where = summary.not_number
        raise Fault(
            f"column {quoted(summary.name)} has more than {max_levels} different texts: leave it out with the input"
            f" exclude, or raise max_levels. If it should hold numbers, look at {quoted(cell)} in {where}"
        )
    levels = sorted(summary.texts)
    shares = [summary.texts[level] / summary.count for level in levels[1:]]
    return Feature(summary.name, levels, [(share, math.sqrt(share * (1 - share))) for share in shares])


def feature_terms(features):
    return [term for feature in features for term in feature.terms()]


def save(folder, kind, label, features, intercepts, weights, classes=None, training=None):
    """Write model.json. There is a row of weights for each class, or just one."""
    model = {
        "format": FORMAT,
        "kind": kind,
        "label": label,
        **({"classes": classes} if classes else {}),
        "features": [
            {"column": feature.column, **({"levels": feature.levels} if feature.levels else {})} for feature in features
        ],
        "terms": feature_terms(features),
        "intercepts": [rounded(value) for value in intercepts],
        "weights": [[rounded(value) for value in row] for row in weights],
        "training": training or {},
    }
    write_json(Path(folder) / "model.json", model)


def load(folder):
    """Read a model that save wrote, from its folder."""
    model = read_json(folder, "model.json", FORMAT, "a model of train_linear or train_logistic")
    model["features"] = [Feature(feature["column"], feature.get("levels")) for feature in model["features"]]
    return model


def scores(model, terms):
    """What the model says of a row: a number for a linear model, else the probability of each class."""
    lines = [
        intercept + math.fsum(map(mul, weights, terms))
        for intercept, weights in zip(model["intercepts"], model["weights"])
    ]
    if model["kind"] == "linear":
        return lines[0]
    if len(lines) == 1:
        lines = [0.0] + lines
    highest = max(lines)
    powers = [math.exp(line - highest) for line in lines]
    total = math.fsum(powers)
    return [power / total for power in powers]


def likeliest(model, chances):
    """The class with the highest probability; of several, the first by alphabet."""
    return model["classes"][chances.index(max(chances))]
