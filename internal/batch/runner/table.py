"""Reads the table that an MLTable file describes, and cuts it into mini-batches.

The mini-batches are pickled one after another into files; index.jsonl says
where each of them stands. This needs pandas."""

import ast
import datetime
import hashlib
import json
import operator
import os
import pickle
import random
import re
import sys

FILE = "__millrace_file__"  # a column of our own: which file a row comes from
PACK = 64 << 20  # bytes after which another file is begun


def need(name, what):
    try:
        return __import__(name)
    except ImportError:
        sys.exit("millrace: %s needs the package %s, which the environment of this node does not have: add %s to the pip dependencies of its conda_file" % (what, name, name))


ENCODINGS = {"utf8": "utf-8", "utf8bom": "utf-8-sig", "iso88591": "iso-8859-1", "latin1": "latin-1", "ascii": "ascii",
             "utf16": "utf-16", "utf32": "utf-32", "windows1252": "cp1252"}


def encoding(options):
    name = str(options.get("encoding") or "utf8").lower()
    return ENCODINGS.get(name.replace("-", "").replace("_", ""), name)


class Reader:
    """Reads one file after another."""

    def __init__(self, pd, kind, options):
        self.pd, self.kind, self.options = pd, kind, options
        self.columns = None  # of the first file

    def read(self, path):
        return getattr(self, self.kind)(path)

    def read_delimited(self, path):
        o = self.options
        header = o.get("header") or "all_files_same_headers"
        given = dict(sep=o.get("delimiter") or ",", encoding=encoding(o), skipinitialspace=False)
        if header == "no_header" or (header == "from_first_file" and self.columns is not None):
            given["header"] = None
        if o.get("infer_column_types") is False:
            given["dtype"] = str
        if o.get("empty_as_string"):
            given.update(keep_default_na=False)
        if len(given["sep"]) > 1:
            given["engine"] = "python"
            given["sep"] = re.escape(given["sep"])
        try:
            df = self.pd.read_csv(path, **given)
        except self.pd.errors.EmptyDataError:
            return self.pd.DataFrame()
        if header == "no_header":
            df.columns = ["Column%d" % (i + 1) for i in range(len(df.columns))]
        elif header == "from_first_file":
            if self.columns is None:
                self.columns = list(df.columns)
            else:
                df.columns = self.columns[:len(df.columns)]
        return df

    def read_parquet(self, path):
        try:
            return self.pd.read_parquet(path)
        except ImportError:
            need("pyarrow", "read_parquet")
            raise

    def read_json_lines(self, path):
        rows = []
        with open(path, encoding=encoding(self.options)) as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    rows.append(json.loads(line))
                except ValueError as error:
                    if self.options.get("invalid_lines") != "drop":
                        sys.exit("millrace: %s, line %d: %s; `invalid_lines: drop` in the MLTable leaves such lines out" % (path, number, error))
        return self.pd.DataFrame(rows)


READERS = ("read_delimited", "read_parquet", "read_json_lines")


def partition_pattern(text):
    """The expression that finds the values of {name} and {name:format} at the
    end of a path."""
    pattern, dates, at = "", {}, 0
    for m in re.finditer(r"\{(\w+)(?::([^}]*))?\}", text):
        pattern += re.escape(text[at:m.start()])
        name, form = m.group(1), m.group(2)
        if form:
            one = re.escape(form)
            for word, digits, code in (("yyyy", 4, "%Y"), ("MM", 2, "%m"), ("dd", 2, "%d"), ("HH", 2, "%H"), ("mm", 2, "%M"), ("ss", 2, "%S")):
                one = one.replace(word, r"\d{%d}" % digits)
                form = form.replace(word, code)
            pattern += "(?P<%s>%s)" % (name, one)
            dates[name] = form
        else:
            pattern += "(?P<%s>[^/]+?)" % name
        at = m.end()
    return re.compile("(?:^|/)" + pattern + re.escape(text[at:]) + "$"), dates


def extract(df, name, options):
    pattern, dates = partition_pattern(options["partition_format"].lstrip("/"))
    m = pattern.search(name)
    if not m:
        sys.exit("millrace: the path %s is not of the form %s that extract_columns_from_partition_format names" % (name, options["partition_format"]))
    for column, value in m.groupdict().items():
        df[column] = datetime.datetime.strptime(value, dates[column]) if column in dates else value
    return df


def names_of(value):
    return [value] if isinstance(value, str) else list(value)


def has(df, columns, what):
    """Ends the program where a table lacks a column."""
    missing = [c for c in columns if c not in df.columns]
    if missing:
        there = ", ".join(c for c in map(str, df.columns) if c != FILE)
        sys.exit("millrace: the table has no column %s, which %s names; it has %s" % (", ".join(missing), what, there))


def as_boolean(column, details):
    """Texts that mean yes and no, whichever the file names. Others are missing,
    or what mismatch_as says."""
    words = {True: ("true", "1", "1.0", "yes"), False: ("false", "0", "0.0", "no")}
    for value, key in ((True, "true_values"), (False, "false_values")):
        if details.get(key):
            words[value] = [str(word).strip().lower() for word in names_of(details[key])]
    known = {word: value for value in (False, True) for word in words[value]}
    mismatch = str(details.get("mismatch_as", "")).lower()
    if mismatch in ("true", "false"):
        return column.map(lambda v: known.get(str(v).strip().lower(), mismatch == "true")).astype(bool)
    found = column.map(lambda v: known.get(str(v).strip().lower()))
    if mismatch == "error" and found.isna().any():
        sys.exit("millrace: %r in column %s is neither of true_values nor of false_values" % (column[found.isna()].iloc[0], column.name))
    return found.astype("boolean" if found.isna().any() else bool)


def as_datetime(pd, column, formats):
    """Times of the first format that fits. What fits none is missing."""
    if not formats:
        return pd.to_datetime(column)
    found = None
    for form in formats:
        one = pd.to_datetime(column, format=form, errors="coerce")
        found = one if found is None else found.fillna(one)
    return found


def convert(pd, df, rules):
    for rule in rules:
        to = rule.get("column_type")
        details = {}
        if isinstance(to, dict):
            (to, details), = to.items()
            details = details if isinstance(details, dict) else {}
        has(df, names_of(rule["columns"]), "convert_column_types")
        for column in names_of(rule["columns"]):
            if to in ("int", "long"):
                numbers = pd.to_numeric(df[column], errors="coerce")
                df[column] = numbers.astype("Int64" if numbers.isna().any() else "int64")
            elif to in ("float", "double"):
                df[column] = pd.to_numeric(df[column], errors="coerce").astype(float)
            elif to == "string":
                df[column] = df[column].astype(str)
            elif to == "boolean":
                df[column] = as_boolean(df[column], details)
            elif to == "datetime":
                df[column] = as_datetime(pd, df[column], names_of(details.get("formats") or []))
            else:
                sys.exit("millrace: convert_column_types does not know the type %s" % to)
    return df


COMPARE = {ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq, ast.NotEq: operator.ne}


def select(df, text):
    """The rows for which an expression holds: col("x") > 1 and col("y") == "a"."""

    def value(node):
        if isinstance(node, ast.BoolOp):
            all_of = [value(v) for v in node.values]
            result = all_of[0]
            for other in all_of[1:]:
                result = result & other if isinstance(node.op, ast.And) else result | other
            return result
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
            left, right = value(node.left), value(node.right)
            return left & right if isinstance(node.op, ast.BitAnd) else left | right
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert)):
            return ~value(node.operand)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARE:
            return COMPARE[type(node.ops[0])](value(node.left), value(node.comparators[0]))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "col" and len(node.args) == 1:
            column = ast.literal_eval(node.args[0])
            has(df, [column], "filter")
            return df[column]
        if isinstance(node, ast.Constant):
            return node.value
        raise ValueError

    try:
        mask = value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError):
        sys.exit('millrace: the filter %s is not understood: compare columns, as in col("x") > 1, joined by and, or, not' % text)
    return df[mask]


def transform(pd, df, steps):
    for step in steps:
        (kind, options), = step.items()
        if kind in READERS or kind == "extract_columns_from_partition_format":
            continue
        if kind == "take":
            df = df.head(int(options))
        elif kind == "skip":
            df = df.iloc[int(options):]
        elif kind == "take_random_sample":
            dice = random.Random(options.get("seed"))
            df = df[[dice.random() < float(options["probability"]) for _ in range(len(df))]]
        elif kind == "drop_columns":
            df = df.drop(columns=[c for c in names_of(options) if c in df.columns])
        elif kind == "keep_columns":
            has(df, names_of(options), kind)
            df = df[names_of(options) + [FILE]]
        elif kind == "convert_column_types":
            df = convert(pd, df.copy(), options)
        elif kind == "filter":
            df = select(df, options)
        else:
            sys.exit("millrace: the MLTable has the transformation %s, which is not supported" % kind)
    return df


def load(pd, spec, folder):
    """The whole table, and how many bytes its files have."""
    steps = spec["table"]["transformations"]
    kind, options = next((k, o or {}) for step in steps for k, o in step.items() if k in READERS)
    reader = Reader(pd, kind, options)
    frames, size = [], 0
    for number, name in enumerate(spec["files"]):
        path = os.path.join(folder, name)
        size += os.path.getsize(path)
        df = reader.read(path)
        if not len(df.columns):
            continue  # an empty file would change the types of the others
        if options.get("include_path_column"):
            df.insert(0, "Path", "/" + name)
        for step in steps:
            if "extract_columns_from_partition_format" in step:
                df = extract(df, name, step["extract_columns_from_partition_format"])
        df[FILE] = number
        frames.append(df)
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({FILE: []})
    return whole, size


def by_size(df, rows):
    """Pieces of about so many rows. A file that is larger is cut by itself, so
    that another one before it does not move its pieces."""
    start, count = 0, 0
    sizes = df.groupby(FILE, sort=False).size().tolist() if len(df) else []
    for size in sizes:
        if count and count + size > rows:
            yield [], df.iloc[start:start + count]
            start, count = start + count, 0
        count += size
        while count > rows:
            yield [], df.iloc[start:start + rows]
            start, count = start + rows, count - rows
    if count:
        yield [], df.iloc[start:start + count]


def plain(value):
    value = value.item() if hasattr(value, "item") else value
    return value if isinstance(value, (int, float, str, bool)) else str(value)


def by_keys(df, keys):
    has(df, keys, "partition_keys")
    for values, part in df.groupby(keys if len(keys) > 1 else keys[0], sort=True, dropna=False):
        values = values if isinstance(values, tuple) else (values,)
        yield [[k, plain(v)] for k, v in zip(keys, values)], part


def identity(pd, df, keys):
    """A name for what is in a mini-batch, whatever else is in the table."""
    h = hashlib.sha256()
    h.update(json.dumps([keys, [str(c) for c in df.columns], [str(t) for t in df.dtypes]]).encode())
    try:
        h.update(pd.util.hash_pandas_object(df, index=False).values.tobytes())
    except TypeError:  # values that have no hash of their own
        h.update(df.to_csv(index=False).encode())
    return h.hexdigest()[:32]


def cut(spec, folder, out):
    pd = need("pandas", "a table")
    df, size = load(pd, spec, folder)
    total = max(1, len(df))
    df = transform(pd, df, spec["table"]["transformations"])
    keys = spec.get("partition_keys") or []
    if keys:
        pieces = by_keys(df, keys)
    else:
        pieces = by_size(df, max(1, int(spec["bytes"] * total / max(1, size))))
    pack, at, number = None, 0, 0
    with open(os.path.join(out, "index.jsonl"), "w", encoding="utf-8") as index:
        for values, part in pieces:
            part = part.drop(columns=[FILE]).reset_index(drop=True)
            data = pickle.dumps(part, protocol=4)
            if pack is None or at + len(data) > PACK and at > 0:
                if pack:
                    pack.close()
                name, at, number = "pack-%05d" % number, 0, number + 1
                pack = open(os.path.join(out, name), "wb")
            pack.write(data)
            line = {"pack": name, "at": at, "length": len(data), "items": len(part), "id": identity(pd, part, values)}
            if values:
                line["keys"] = values
            index.write(json.dumps(line) + "\n")
            at += len(data)
    if pack:
        pack.close()
