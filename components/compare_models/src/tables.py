"""Tables in CSV files, read row by row and written the same way each time.

A table is one CSV file, or a folder of them with the same columns. Files are UTF-8, with or without a byte order mark,
with any line ends, and may be compressed (.gz). The first row holds the names of the columns. Cells are parted by
commas, or by the semicolons or tabs that stand in the first row where it has no comma.
"""

import csv
import difflib
import fnmatch
import gzip
import math
import re
from pathlib import Path

from command import Fault

ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")

# What stands for a missing value, beside nothing at all.
MISSING = frozenset(["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None"])

csv.field_size_limit(2**31 - 1)


class Table:
    """A table in the CSV file at path, or in the CSV files of that folder. It can be read as often as wished."""

    def __init__(self, path):
        path = Path(path)
        self.files = find(path)
        self.root = path if path.is_dir() else path.parent
        self.file, self.row, self.line = self.files[0], 0, 0
        self.columns = None
        for file in self.files:
            with open_text(file) as lines:
                columns = self._header(file, self._reader(file, lines))
            if self.columns is None:
                self.columns = columns
            elif sorted(columns) != sorted(self.columns):
                self._differ(file, columns)

    def __iter__(self):
        """Every row, as a list of texts in the order of self.columns."""
        for self.file in self.files:
            yield from self._rows(self.file)

    def place(self, name):
        """Where a column stands in a row."""
        if name not in self.columns:
            raise Fault(f"{self.called(self.files[0])} has no column {quoted(name)}{near(name, self.columns)}")
        return self.columns.index(name)

    def pick(self, wanted):
        """The columns that names and patterns such as *_mm mean, in the order of wanted."""
        picked = []
        for word in wanted:
            found = [word] if word in self.columns else fnmatch.filter(self.columns, word)
            if not found:
                raise Fault(f"{self.called(self.files[0])} has no column {quoted(word)}{near(word, self.columns)}")
            picked += [name for name in found if name not in picked]
        return picked

    def fault(self, message, column=None):
        """A Fault that says where the row that was read last stands."""
        return Fault(f"{self.where(column)}: {message}")

    def where(self, column=None):
        """Where the row that was read last stands; rows are counted from 1, after the header."""
        return f"{self.called(self.file)}, row {self.row} (line {self.line})" + (
            f", column {quoted(column)}" if column is not None else ""
        )

    def called(self, file):
        """The name of a file, as people know it."""
        return str(file.relative_to(self.root))

    def _rows(self, file):
        with open_text(file) as lines:
            reader = self._reader(file, lines)
            header = self._header(file, reader)
            order = None if header == self.columns else [header.index(name) for name in self.columns]
            self.row = 0
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except (csv.Error, UnicodeDecodeError, EOFError, OSError) as error:
                    raise self._unreadable(file, error, reader.line_num) from error
                if not cells:
                    continue  # an empty line
                self.row += 1
                self.line = reader.line_num
                if len(cells) != len(header):
                    raise self.fault(f"{cells_of(cells)}, but the header has {len(header)}")
                yield cells if order is None else [cells[i] for i in order]

    def _reader(self, file, lines):
        try:
            first = lines.readline()
            lines.seek(0)
        except (UnicodeDecodeError, EOFError, OSError) as error:
            raise self._unreadable(file, error, 1) from error
        return csv.reader(lines, delimiter=delimiter(first), strict=True)

    def _header(self, file, reader):
        try:
            columns = next(reader, [])
            while not columns:
                columns = next(reader)
        except StopIteration:
            raise Fault(f"{self.called(file)} is empty: its first row must hold the names of the columns") from None
        except (csv.Error, UnicodeDecodeError, EOFError, OSError) as error:
            raise self._unreadable(file, error, reader.line_num) from error
        columns = [name.strip() for name in columns]
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise Fault(f"{self.called(file)} has more than one column {', '.join(map(quoted, twice))}")
        return columns

    def _unreadable(self, file, error, line):
        if isinstance(error, UnicodeDecodeError):
            return Fault(f"{self.called(file)} is not UTF-8; convert it, as with: iconv -f latin1 -t utf-8")
        return Fault(f"{self.called(file)}, line {line}: this is not CSV: {error}")

    def _differ(self, file, columns):
        missing = [quoted(name) for name in self.columns if name not in columns]
        extra = [quoted(name) for name in columns if name not in self.columns]
        raise Fault(
            f"{self.called(file)} does not have the columns of {self.called(self.files[0])}:"
            + (f" {', '.join(missing)} missing" if missing else "")
            + (";" if missing and extra else "")
            + (f" {', '.join(extra)} added" if extra else "")
        )


class Writer:
    """A CSV file in the making: UTF-8, commas, a line feed after each row."""

    def __init__(self, path, columns):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._quoter = csv.writer(self._file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self.rows = -1  # the header is no row
        self.write(columns)

    def write(self, row):
        # Python before 3.13 leaves a carriage return without the quotes that it needs.
        (self._quoter if "\r" in "".join(row) else self._writer).writerow(row)
        self.rows += 1

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def find(path):
    """The CSV files of a folder, by name; or the file that path is."""
    return files_in(Path(path), ENDINGS, "CSV file")


def files_in(path, endings, kind):
    """The files of a folder with one of these endings, by name. A file that is alone there needs no ending."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise Fault(f"there is no {path}")
    files = sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
    )
    wanted = [file for file in files if file.name.lower().endswith(endings)]
    if not wanted and len(files) == 1:
        return files
    if not wanted:
        raise Fault(f"the folder {path.name} has no {kind} in it")
    return wanted


def open_text(file):
    if file.name.lower().endswith(".gz"):
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return open(file, encoding="utf-8-sig", newline="")


def delimiter(header):
    """What parts the cells: a comma; else the semicolon or tab that is in the header."""
    bare = re.sub(r'"[^"]*"', "", header)
    if "," in bare:
        return ","
    return max(";\t", key=bare.count) if ";" in bare or "\t" in bare else ","


def missing(cell):
    """Whether a cell stands for a value that nobody knows."""
    return cell in MISSING or cell.strip() in MISSING


def number(cell):
    """The number in a cell, or None where there is none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    # Python reads 1_000, inf and nan as numbers; tables do not mean them so.
    return value if math.isfinite(value) and "_" not in cell else None


def text(value):
    """Write a number with ten digits, and so the same wherever it was computed."""
    written = format(value, ".10g")
    return "0" if written == "-0" else written


def quoted(name):
    """A name, in quotes, with what cannot be seen made visible."""
    return '"' + name.encode("unicode_escape").decode("ascii") + '"' if not name.isprintable() else f'"{name}"'


def near(word, names):
    """A hint at what was meant."""
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f"; did you mean {quoted(close[0])}?"
    shown = ", ".join(quoted(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
    return f"; it has {shown}" if names else ""


def cells_of(cells):
    return "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
