"""Write pyyaml.jsonl: what PyYAML makes of texts that are put together at random.

    python3 record.py > pyyaml.jsonl

Each line is [text, value]; the value is null where PyYAML refuses the text.
The tests hold this package's reading against it.
"""

import json
import random
import sys

import yaml

SCALARS = """a|b c|"q: x"|'it''s'|1|1e-3|1.80|yes|~|null|${{parent.inputs.x}}|azureml:foo:1|./a/b.yml|x#y|a - b|-1|0x1F|010|1_0|
12:30:45|.5|1.|"a\\nb"|"a\\\n  b"|true|Off|>=3|http://x/y?z=1|!!str 5|"\\u00e9"|é|{}|[]|[a, b]|{a: 1, b: [x, y]}|{a: {b: c}}|
[{a: 1}, [b]]|[a: 1]|{"a": 1}|{a}|1.0e+5|1e5|2024-01-02|''|"${{inputs.x}}"|a,b|a]|a:b|echo "x" && y|$[[--a ${{inputs.b}}]]|a*b|
0b11|-.inf|.NaN|1e400|0o17|+12|-0|!!int "5"|!!float 5|@a|`a|%a|&c a|*c|a: b|- a|"a|[a|{a: 1|!x y|'a""".replace("|\n", "|").split("|")


def block(rnd, indent):
    header = rnd.choice(["|", ">", "|-", ">-", "|+", ">+", ">  # note", "|2", ">-2"])
    base = indent + (2 if "2" in header else rnd.randint(1, 3))
    lines = []
    for _ in range(rnd.randint(0, 4)):
        kind = rnd.random()
        if kind < 0.2:
            lines.append("")
        elif kind < 0.25:
            lines.append(" " * (base - 1))
        elif kind < 0.4 and lines:
            lines.append(" " * (base + rnd.randint(1, 3)) + rnd.choice(["x", "- y", "# no", "k: v"]))
        else:
            lines.append(" " * base + rnd.choice(["foo", "bar baz  ", "k: v", "- z", "# text", '"']))
    return " " + header + "\n" + "\n".join(lines)


def scalar(rnd, indent):
    kind = rnd.random()
    deeper, deepest = " " * (indent + 1), " " * (indent + 3)
    if kind < 0.8:
        return " " + rnd.choice(SCALARS)
    if kind < 0.83:
        return " a\n" + deeper + "b c\n" + deepest + "d"
    if kind < 0.85:
        return ' "a\n' + deeper + "b c\n\n" + deepest + 'd"'
    if kind < 0.97:
        return block(rnd, indent)
    return ""


def value(rnd, indent, depth):
    kind = rnd.random()
    if depth <= 0 or kind < 0.2:
        return scalar(rnd, indent) + "\n"
    anchor = " &m" if rnd.random() < 0.05 else ""
    if kind < 0.75:
        return anchor + "\n" + mapping(rnd, indent + rnd.choice([1, 2, 4]), depth - 1)
    return anchor + "\n" + sequence(rnd, max(0, indent + rnd.choice([0, 2])), depth - 1)


def note(rnd, indent):
    kind = rnd.random()
    return " " * rnd.choice([0, indent, indent + 2]) + "# note\n" if kind < 0.06 else "\n" if kind < 0.12 else ""


def mapping(rnd, indent, depth, first=None):
    text = ""
    for i in range(rnd.randint(1, 4)):
        key = rnd.choice(["k%d" % rnd.randint(0, 9), '"q%d"' % i, "a.b", "'z'", "on", "$schema", "1", "a b"])
        kind = rnd.random()
        if kind < 0.05:
            tail = " *m\n"
        elif kind < 0.08:
            tail = "  # note\n"
        elif kind < 0.1:
            key, tail = "<<", " {k1: 1, z: 2}\n"
        else:
            tail = value(rnd, indent, depth)
        lead = first if first is not None and i == 0 else note(rnd, indent) + " " * indent
        text += lead + key + rnd.choice([":", ":", ":", " :"]) + tail
    return text


def sequence(rnd, indent, depth):
    text = ""
    for _ in range(rnd.randint(1, 4)):
        kind = rnd.random()
        dash = note(rnd, indent) + " " * indent + "-"
        if kind < 0.1:
            text += dash + "\n"
        elif kind < 0.4:
            space = rnd.choice([1, 3])
            text += dash + mapping(rnd, indent + 1 + space, depth - 1, " " * space)
        elif kind < 0.45:
            text += dash + " - " + rnd.choice(SCALARS) + "\n"
        else:
            text += dash + value(rnd, indent, depth - 1)
    return text


def damage(rnd, text):
    letters = list(text)
    for _ in range(rnd.randint(1, 2)):
        at = rnd.randrange(len(letters))
        kind = rnd.random()
        if kind < 0.4:
            del letters[at]
        elif kind < 0.7:
            letters.insert(at, rnd.choice(" \n:-#[]{},&*!|>'\"%@`?a1"))
        else:
            letters[at] = rnd.choice(" \n:-#[]{},&*!|>'\"%@`?a1")
        if not letters:
            break
    return "".join(letters)


def show(node, loader):
    """Write a value as the test does: its type, and the text str() gives."""
    if isinstance(node, yaml.ScalarNode):
        kind = node.tag.rsplit(":", 1)[-1]
        if kind == "null":
            return "~"
        if kind in ("bool", "int", "float"):
            try:
                return "%s(%s)" % (kind, loader.construct_object(node, deep=True))
            except (ValueError, KeyError):
                raise yaml.YAMLError("no value")
        if kind not in ("str", "timestamp", "value", "merge"):
            raise yaml.YAMLError("unknown tag")
        return json.dumps(node.value, ensure_ascii=False)
    if node.tag not in ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"):
        raise yaml.YAMLError("unknown tag")
    if isinstance(node, yaml.SequenceNode):
        return "[" + ", ".join(show(item, loader) for item in node.value) + "]"
    loader.flatten_mapping(node)
    pairs = {}
    for key, val in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag.endswith(":null"):
            raise yaml.YAMLError("not a key")
        pairs[key.value] = show(val, loader)
    return "{" + ", ".join(json.dumps(k, ensure_ascii=False) + ": " + pairs[k] for k in sorted(pairs)) + "}"


def main():
    rnd = random.Random(20)
    records = {}
    refused = 0
    while len(records) < 1200:
        text = mapping(rnd, 0, rnd.randint(0, 3)) if rnd.random() < 0.9 else sequence(rnd, 0, 2)
        if rnd.random() < 0.3:
            text = damage(rnd, text)
        if len(text) > 400 or text in records:
            continue
        try:
            loader = yaml.SafeLoader(text)
            node = loader.get_single_node()
            records[text] = "~" if node is None else show(node, loader)
        except (yaml.YAMLError, RecursionError):
            if refused < 300:
                records[text] = None
                refused += 1
    for text in sorted(records):
        json.dump([text, records[text]], sys.stdout, ensure_ascii=False)
        print()


main()
