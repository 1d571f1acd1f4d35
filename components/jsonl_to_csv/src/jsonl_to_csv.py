"""Make a table of lines that hold a JSON object each."""

import argparse
import json
import math
from pathlib import Path

from command import Fault, count, run, words
from tables import Writer, files_in, near, open_text, quoted

ENDINGS = tuple(ending + packed for ending in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz"))


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=Path, required=True)
    parser.add_argument("--columns", type=words, default=[])
    parser.add_argument("--result", type=Path, required=True)
    args = parser.parse_args(arguments)

    known = {}
    for row in read(args.lines):
        known.update(dict.fromkeys(row))
    if not known:
        raise Fault("no line has a key, so there are no columns")
    columns = args.columns or list(known)
    for name in columns:
        if name not in known:
            raise Fault(f"no line has the key {quoted(name)}{near(name, list(known))}")
    with Writer(args.result / "table.csv", columns) as result:
        for row in read(args.lines):
            result.write([row.get(name, "") for name in columns])
    print(f"{count(result.rows, 'row')}, {count(len(columns), 'column')}")


def read(path):
    """Every line as a flat dict of texts."""
    for file in files_in(path, ENDINGS, "file of JSON lines"):
        with open_text(file) as lines:
            number = 0
            try:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield flat(parse(line.rstrip("\r\n")))
            except UnicodeDecodeError as error:
                raise Fault(f"{file.name} is not UTF-8; convert it, as with: iconv -f latin1 -t utf-8") from error
            except (EOFError, OSError) as error:
                raise Fault(f"{file.name} cannot be read: {error}") from error
            except Wrong as error:
                raise Fault(f"{file.name}, line {number}: {error}") from error


class Wrong(Exception):
    """What is wrong with a line."""


def parse(line):
    try:
        value = json.loads(line, object_pairs_hook=once, parse_constant=refuse, parse_float=finite)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise Wrong(f"column {error.colno}: this is not JSON: {error.msg}") from error
    except UnicodeEncodeError:
        raise Wrong("a text holds half a character (a lone surrogate)") from None
    except ValueError as error:
        raise Wrong(str(error)) from error
    except RecursionError:
        raise Wrong("objects and lists are nested too deeply") from None
    if not isinstance(value, dict):
        raise Wrong('a line must hold an object, as in {"name": "value"}')
    return value


def finite(digits):
    value = float(digits)
    if math.isinf(value):
        raise Wrong(f"the number {digits} is too large")
    return value


def once(pairs):
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        raise Wrong(f"the key {quoted(next(name for name in names if names.count(name) > 1))} is there twice")
    return row


def refuse(name):
    raise Wrong(f"{name} is not a value of JSON")


def flat(value, prefix=""):
    """The object with its inner objects spread out, and texts for values."""
    row = {}
    for name, inner in value.items():
        if isinstance(inner, dict) and inner:
            for key, cell in flat(inner, prefix + name + ".").items():
                set_once(row, key, cell)
        else:
            set_once(row, prefix + name, cell_of(inner))
    return row


def set_once(row, key, cell):
    if key in row:
        raise Wrong(f"the column {quoted(key)} would be there twice")
    row[key] = cell


def cell_of(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


if __name__ == "__main__":
    run(main)
