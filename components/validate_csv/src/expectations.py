"""The file that says what a table must be like.

    # a comment
    [table]
    rows = 100..
    [column *_mm]
    type = number
    range = 10..300
"""

from pathlib import Path

from checks import COLUMN_RULES, TABLE_RULES
from command import Fault
from tables import near, quoted


class Section:
    """The rules for the table (pattern is None), or for the columns that a name or a pattern means."""

    def __init__(self, pattern, line):
        self.pattern, self.line = pattern, line
        self.rules = {}  # the text of each rule
        self.lines = {}  # and the line that it stands in
        self.optional = False


def read(path):
    """Read the sections of a file of expectations."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Fault(f"{path.name} is not UTF-8") from error
    sections = []
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line or line.startswith(("#", ";")):
            continue
        try:
            if line.startswith("["):
                sections.append(head(line, number))
                if [section.pattern for section in sections].count(sections[-1].pattern) > 1:
                    raise ValueError("this section is there already")
            elif not sections:
                raise ValueError("a section such as [table] or [column NAME] must come first")
            else:
                add(sections[-1], line, number)
        except ValueError as error:
            raise Fault(f"{path.name}, line {number}: {error}") from error
    if not any(section.rules for section in sections):
        raise Fault(f"{path.name} has no expectation in it")
    return sections


def head(line, number):
    if not line.endswith("]"):
        raise ValueError("a section ends with ]")
    kind, _, name = line[1:-1].strip().partition(" ")
    if kind == "table" and not name:
        return Section(None, number)
    if kind == "column" and name.strip():
        return Section(name.strip(), number)
    raise ValueError(f"{line} is neither [table] nor [column NAME]")


def add(section, line, number):
    rule, equals, text = (part.strip() for part in line.partition("="))
    if not equals or not text:
        raise ValueError("a rule is written as name = value")
    if rule in section.rules:
        raise ValueError(f"the rule {rule} is there already")
    if section.pattern is not None and rule == "optional":
        section.optional = yes(text)
        return
    known = TABLE_RULES if section.pattern is None else COLUMN_RULES
    if rule not in known:
        raise ValueError(f"there is no rule {quoted(rule)} for a {'table' if section.pattern is None else 'column'}{near(rule, list(known))}")
    section.rules[rule], section.lines[rule] = text, number


def yes(text):
    if text not in ("yes", "no"):
        raise ValueError(f"{text} is neither yes nor no")
    return text == "yes"
