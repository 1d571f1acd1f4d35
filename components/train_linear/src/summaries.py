"""What one reading of a table tells about its columns."""

import math
from array import array
from collections import Counter

from tables import missing, number


class Summary:
    """A column in a few numbers, kept while its cells go by.

    values keeps every number (8 bytes each), for medians; texts counts up to that many different texts.
    """

    def __init__(self, name, values=False, texts=0):
        self.name = name
        self.count = 0  # of cells that are not missing
        self.missing = 0
        self.mean = 0.0
        self.low, self.high = math.inf, -math.inf
        self.values = array("d") if values else None
        self.texts = Counter()  # empty where there are more than most
        self.most = texts
        self.not_number = None  # the first cell that is no number, and where it stands
        self._squares = 0.0

    def add(self, cell, table):
        """Take in a cell of the row that the table read last."""
        if missing(cell):
            self.missing += 1
            return
        if self.most:
            self.texts[cell] += 1
            if len(self.texts) > self.most:
                self.texts.clear()
                self.most = 0
        value = number(cell) if self.not_number is None else None
        if value is not None:
            self.add_number(value)
            return
        self.count += 1
        if self.not_number is None:
            self.not_number = cell, table.where(self.name)

    def add_number(self, value):
        """Take in a number."""
        self.count += 1
        # Welford's way: exact enough for any size of numbers, in one reading.
        step = value - self.mean
        self.mean += step / self.count
        self._squares += step * (value - self.mean)
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        if self.values is not None:
            self.values.append(value)

    @property
    def numeric(self):
        """Whether the column has numbers and nothing else."""
        return self.count > 0 and self.not_number is None

    @property
    def deviation(self):
        """The standard deviation of the numbers, divided by their count."""
        return math.sqrt(self._squares / self.count) if self.count else 0.0

    def quantile(self, share):
        """The value that this share of the numbers is below, between neighbours on a straight line."""
        return quantile(sorted(self.values), share)

    def most_frequent(self):
        """The text that is there most often; of several, the first by alphabet."""
        return min(self.texts, key=lambda text: (-self.texts[text], text))


def summarise(table, names, **keep):
    """A summary of each of these columns, after one reading of the table."""
    summaries = [Summary(name, **keep) for name in names]
    columns = [(summary, table.place(summary.name)) for summary in summaries]
    for row in table:
        for summary, place in columns:
            summary.add(row[place], table)
    return summaries


def quantile(ordered, share):
    """The quantile of numbers in order, between neighbours on a straight line."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)
