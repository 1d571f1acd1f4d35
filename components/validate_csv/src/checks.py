"""The rules, a class each. A rule sees the cells of its columns one by one, and in the end says what is wrong."""

import csv
import hashlib
import re
from datetime import datetime, timezone

from summaries import Summary
from tables import missing, number, quoted, text

EXAMPLES = 5  # of cells that break a rule


class Check:
    """A rule for one column (or for the table: None), with what it found."""

    def __init__(self, column, expected, settings):
        self.column, self.expected = column, expected
        self.failures, self.examples = 0, []
        self.found = ""  # what is there, of rules about a whole column
        self.read(expected, settings)

    def read(self, expected, settings):
        """Understand the text of the rule; a ValueError says what is wrong with it."""

    def see(self, cell, table):
        """Look at a cell that is not missing."""

    def see_missing(self, table):
        """Look at a cell that is missing."""

    def end(self, rows):
        """All rows were seen."""

    def fail(self, cell, table):
        self.failures += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append({"file": table.called(table.file), "row": table.row, "line": table.line, "value": cell})


class Type(Check):
    def read(self, expected, settings):
        if expected not in TYPES:
            raise ValueError(f"there is no type {quoted(expected)}; there are {', '.join(TYPES)}")
        self.fits = TYPES[expected]

    def see(self, cell, table):
        if not self.fits(cell.strip()):
            self.fail(cell, table)


class Range(Check):
    """Numbers between two bounds; or dates, where the type says so."""

    def read(self, expected, settings):
        self.value = moment if settings.get("type") == "date" else number
        self.low, self.high = bounds(expected, self.value)

    def see(self, cell, table):
        value = self.value(cell.strip())
        if value is None or not within(value, self.low, self.high):
            self.fail(cell, table)


class Length(Check):
    def read(self, expected, settings):
        self.low, self.high = bounds(expected, number)

    def see(self, cell, table):
        if not within(len(cell), self.low, self.high):
            self.fail(cell, table)


class Values(Check):
    def read(self, expected, settings):
        self.values = frozenset(listed(expected))

    def see(self, cell, table):
        if cell not in self.values:
            self.fail(cell, table)


class Pattern(Check):
    def read(self, expected, settings):
        try:
            self.fits = re.compile(expected).fullmatch
        except re.error as error:
            raise ValueError(f"{expected} is not a regular expression: {error}") from error

    def see(self, cell, table):
        if not self.fits(cell):
            self.fail(cell, table)


class Missing(Check):
    """At most so many missing values, or such a share of them: 3, or 5%."""

    def read(self, expected, settings):
        digits = expected[:-1] if expected.endswith("%") else expected
        self.most, self.share = number(digits), expected.endswith("%")
        if self.most is None or self.most < 0:
            raise ValueError(f"{expected} is neither a number of cells nor a share such as 5%")
        self.seen = 0

    def see_missing(self, table):
        self.seen += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append({"file": table.called(table.file), "row": table.row, "line": table.line, "value": ""})

    def end(self, rows):
        most = self.most / 100 * rows if self.share else self.most
        self.found = f"{self.seen} of {rows}"
        if self.seen <= most:
            self.examples = []
        else:
            self.failures = self.seen


class Unique(Check):
    """No value twice. Only a hash of each is kept."""

    def read(self, expected, settings):
        if expected not in ("yes", "no"):
            raise ValueError(f"{expected} is neither yes nor no")
        self.wanted, self.seen = expected == "yes", set()

    def see(self, cell, table):
        mark = hashlib.blake2b(cell.encode("utf-8", "surrogatepass"), digest_size=12).digest()
        if self.wanted and mark in self.seen:
            self.fail(cell, table)
        self.seen.add(mark)


class Distinct(Unique):
    """How many different values there are."""

    def read(self, expected, settings):
        self.low, self.high = bounds(expected, number)
        self.wanted, self.seen = False, set()

    def end(self, rows):
        self.found = str(len(self.seen))
        self.failures = 0 if within(len(self.seen), self.low, self.high) else 1


class Mean(Check):
    def read(self, expected, settings):
        self.low, self.high = bounds(expected, number)
        self.summary = Summary(self.column)

    def see(self, cell, table):
        value = number(cell)
        if value is not None:
            self.summary.add_number(value)

    def end(self, rows):
        self.found = text(self.summary.mean) if self.summary.count else "no number"
        self.failures = 0 if self.summary.count and within(self.summary.mean, self.low, self.high) else 1


class Rows(Check):
    def read(self, expected, settings):
        self.low, self.high = bounds(expected, number)

    def end(self, rows):
        self.found = str(rows)
        self.failures = 0 if within(rows, self.low, self.high) else 1


class Columns(Check):
    """Exactly these columns, in any order."""

    def read(self, expected, settings):
        self.names = listed(expected)

    def compare(self, columns):
        lacking = [quoted(name) for name in self.names if name not in columns]
        extra = [quoted(name) for name in columns if name not in self.names]
        self.failures = len(lacking) + len(extra)
        self.found = "; ".join(
            words for words in (lacking and ", ".join(lacking) + " missing", extra and ", ".join(extra) + " added") if words
        )


class Key(Unique):
    """No combination of the values of these columns twice."""

    def read(self, expected, settings):
        self.names = listed(expected)
        self.wanted, self.seen = True, set()


TYPES = {
    "number": lambda cell: number(cell) is not None,
    "integer": lambda cell: re.fullmatch(r"[+-]?[0-9]+", cell) is not None,
    "boolean": lambda cell: cell.lower() in ("true", "false", "yes", "no", "0", "1"),
    "date": lambda cell: moment(cell) is not None,
    "text": lambda cell: True,
}
COLUMN_RULES = {
    "type": Type,
    "range": Range,
    "values": Values,
    "pattern": Pattern,
    "length": Length,
    "missing": Missing,
    "unique": Unique,
    "distinct": Distinct,
    "mean": Mean,
    "optional": None,  # which the section keeps
}
TABLE_RULES = {"rows": Rows, "columns": Columns, "unique": Key}


def moment(cell):
    """A date or a time as ISO 8601 has it, or None. What names no zone is in UTC."""
    try:
        when = datetime.fromisoformat(cell[:-1] + "+00:00" if cell.endswith("Z") else cell)
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=timezone.utc)


def bounds(expected, value):
    """Read low..high, where either may be left out; one value alone is both."""
    low, dots, high = (part.strip() for part in expected.partition(".."))
    ends = [value(end) if end else None for end in ((low, high) if dots else (low, low))]
    given = (low, high) if dots else (low,)
    if not any(given) or any(end and read is None for end, read in zip(given, ends)):
        raise ValueError(f"{expected} is not a range such as 10..20, 10.. or ..20")
    if None not in ends and ends[0] > ends[1]:
        raise ValueError(f"{expected}: nothing is between these bounds")
    return ends


def within(value, low, high):
    return (low is None or low <= value) and (high is None or value <= high)


def listed(expected):
    try:
        return [word.strip() for word in next(csv.reader([expected], skipinitialspace=True, strict=True))]
    except csv.Error as error:
        raise ValueError(f"{expected} is not a list with commas: {error}") from error
