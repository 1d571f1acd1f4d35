"""Hold a table against expectations."""

import argparse
import fnmatch
import shutil
import sys
from pathlib import Path

import expectations
from checks import COLUMN_RULES, TABLE_RULES, Columns, Key
from command import Fault, count, run
from pages import facts, heading, paragraph, table as html_table, write_page
from results import write_json
from tables import Table, missing, near, quoted


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True)
    parser.add_argument("--expectations", type=Path, required=True)
    parser.add_argument("--on-failure", choices=("fail", "report"), default="fail")
    parser.add_argument("--validated", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    args = parser.parse_args(arguments)

    table = Table(args.table)
    checks, absent = prepare(expectations.read(args.expectations), table, args.expectations.name)
    rows = look(table, checks)
    problems = [f"column {quoted(name)} is not there{near(name, table.columns)}" for name in absent]
    problems += [described(rule, check) for rule, check in checks if check.failures]
    write_report(args.report, table, rows, checks, absent)

    expected = len(checks) + len(absent)
    if problems:
        print(f"{len(problems)} of {count(expected, 'expectation')} not met in {count(rows, 'row')}:", file=sys.stderr)
        for problem in problems:
            print(f"  - {problem}", file=sys.stderr)
        if args.on_failure == "fail":
            sys.stderr.flush()
            sys.exit(1)
    else:
        print(f"{count(rows, 'row')}: all of {count(expected, 'expectation')} met")
    copy(table, args.validated)


def prepare(sections, table, name):
    """The checks for the columns that are there, as (rule, check), and the columns that should be there."""
    checks, absent = [], []
    for section in sections:
        known = TABLE_RULES if section.pattern is None else COLUMN_RULES
        for column in columns_of(section, table, absent):
            for rule, text in section.rules.items():
                try:
                    checks.append((rule, known[rule](column, text, section.rules)))
                except ValueError as error:
                    raise Fault(f"{name}, line {section.lines[rule]}: {rule}: {error}") from error
    for _, check in checks:
        for key in check.names if isinstance(check, Key) else []:
            if key not in table.columns and key not in absent:
                absent.append(key)
    return [(rule, check) for rule, check in checks if not (isinstance(check, Key) and set(check.names) & set(absent))], absent


def columns_of(section, table, absent):
    if section.pattern is None:
        return [None]
    if section.pattern in table.columns:
        return [section.pattern]
    found = fnmatch.filter(table.columns, section.pattern)
    if not found and not section.optional:
        absent.append(section.pattern)
    return found


def look(table, checks):
    """Show every cell to its checks. The number of rows comes back."""
    by_column = [(table.place(check.column), check) for _, check in checks if check.column is not None]
    keys = [(check, [table.place(name) for name in check.names]) for _, check in checks if isinstance(check, Key)]
    rows = 0
    for row in table:
        rows += 1
        for place, check in by_column:
            if missing(row[place]):
                check.see_missing(table)
            else:
                check.see(row[place], table)
        for check, places in keys:
            check.see("\x1f".join(row[place] for place in places), table)
    for _, check in checks:
        check.end(rows)
        if isinstance(check, Columns):
            check.compare(table.columns)
    return rows


def described(rule, check):
    """What a check found, in a line or some more."""
    where = f"column {quoted(check.column)}" if check.column is not None else "the table"
    found = f", found {check.found}" if check.found else ""
    line = f"{where}: {rule} = {check.expected}{found}"
    if check.examples:
        line += f": {count(check.failures, 'row')}"
        for example in check.examples:
            line += f"\n      {place_of(example)}: {quoted(example['value'].replace(chr(31), ', '))}"
        if check.failures > len(check.examples):
            line += f"\n      and {check.failures - len(check.examples)} more"
    return line


def place_of(example):
    return f"{example['file']}, row {example['row']} (line {example['line']})"


def write_report(folder, table, rows, checks, absent):
    met = sum(not check.failures for _, check in checks)
    write_json_report(folder, rows, checks, absent)
    broken = [(rule, check) for rule, check in checks if check.failures]
    parts = [
        facts([("rows", rows), ("columns", len(table.columns)), ("met", met), ("not met", len(broken) + len(absent))]),
    ]
    if absent:
        parts += [heading("Columns that are not there"), paragraph(", ".join(absent))]
    if broken:
        parts.append(heading("Not met"))
        parts.append(html_table(["column", "rule", "expected", "found", "first places"], [line(*one) for one in broken]))
    parts.append(heading("All expectations"))
    parts.append(
        html_table(
            ["column", "rule", "expected", "met"],
            [[check.column or "table", rule, check.expected, "no" if check.failures else "yes"] for rule, check in checks],
        )
    )
    write_page(folder / "report.html", "Validation: " + ("not valid" if broken or absent else "valid"), *parts)


def line(rule, check):
    places = [f"{place_of(one)}: {quoted(one['value'].replace(chr(31), ', '))}" for one in check.examples]
    found = check.found or count(check.failures, "row")
    return [check.column or "table", rule, check.expected, found, places]


def write_json_report(folder, rows, checks, absent):
    folder.mkdir(parents=True, exist_ok=True)
    write_json(
        folder / "report.json",
        {
            "valid": not absent and not any(check.failures for _, check in checks),
            "rows": rows,
            "absent_columns": absent,
            "expectations": [
                {
                    "column": check.column,
                    "rule": rule,
                    "expected": check.expected,
                    "met": not check.failures,
                    "failures": check.failures,
                    **({"found": check.found} if check.found else {}),
                    "examples": check.examples,
                }
                for rule, check in checks
            ],
        },
    )


def copy(table, to):
    to.mkdir(parents=True, exist_ok=True)
    for file in table.files:
        target = to / file.relative_to(table.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


if __name__ == "__main__":
    run(main)
