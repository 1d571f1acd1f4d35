import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from validate_csv import main
from trial import Trial

RULES = """\
# what a harvest must be like
[table]
rows = 3..
columns = id, kind, mm, day, note
unique = kind, day
[column id]
type = integer
unique = yes
[column kind]
values = a, "b,c"
distinct = 2
[column *m]
type = number
range = 10..300
mean = 20..30
missing = 40%
[column day]
type = date
range = 2024-01-01..2024-12-31
[column note]
pattern = [a-z ]*
length = ..5
[column perhaps]
optional = yes
type = number
"""
GOOD = 'id,kind,mm,day,note\n1,a,20,2024-01-01,fine\n2,"b,c",NA,2024-02-29,\n3,a,30,2024-12-31T00:00:00Z,\n'


class ValidateCSV(Trial):
    def validate(self, table, rules=RULES, **inputs):
        self.write("in/t.csv", table)
        self.write("rules.ini", rules)
        return self.run_main(
            main, table="./in", expectations="./rules.ini", validated="./v", report="./r", **inputs
        )

    def refused(self, table, rules=RULES):
        with self.assertRaises(SystemExit) as ended:
            self.validate(table, rules)
        self.assertEqual(ended.exception.code, 1)
        return [one for one in json.loads(self.read("r/report.json"))["expectations"] if not one["met"]]

    def test_a_good_table_is_handed_on_unchanged(self):
        printed = self.validate(GOOD)
        self.assertEqual(printed, "3 rows: all of 15 expectations met\n")
        self.assertEqual(self.read("v/t.csv"), GOOD)
        self.assertTrue(json.loads(self.read("r/report.json"))["valid"])
        self.assertIn("<h1>Validation: valid</h1>", self.read("r/report.html"))

    def test_every_rule_finds_what_breaks_it(self):
        for change, column, rule in (
            (("1,a", "x,a"), "id", "type"),
            (("2,", "1,"), "id", "unique"),
            (("3,a", "3,A"), "kind", "values"),
            (("1,a,20", "1,a,ten"), "mm", "type"),
            (("1,a,20", "1,a,9"), "mm", "range"),
            (("1,a,20", "1,a,200"), "mm", "mean"),
            (("1,a,20", "1,a,"), "mm", "missing"),
            (("2024-02-29", "2023-02-29"), "day", "type"),
            (("2024-02-29", "2025-01-01"), "day", "range"),
            (("fine", "Fine"), "note", "pattern"),
            (("fine", "so fine"), "note", "length"),
            (("2024-12-31T00:00:00Z", "2024-01-01"), None, "unique"),
        ):
            with self.subTest(change):
                broken = self.refused(GOOD.replace(*change, 1))
                self.assertIn((column, rule), [(one["column"], one["rule"]) for one in broken])
                self.assertFalse((self.folder / "v").exists())
        self.assertEqual([one["rule"] for one in self.refused("id,kind,mm,day,note\n")], ["rows", "distinct", "mean"])

    def test_the_list_can_be_read(self):
        self.write("in/t.csv", GOOD.replace("1,a,20", "1,a,9").replace("note", "notes"))
        self.write("rules.ini", RULES)
        printed = self.validate(self.read("in/t.csv"), on_failure="report")
        self.assertEqual(
            printed,
            "4 of 14 expectations not met in 3 rows:\n"
            '  - column "note" is not there; did you mean "notes"?\n'
            '  - the table: columns = id, kind, mm, day, note, found "note" missing; "notes" added\n'
            '  - column "mm": range = 10..300: 1 row\n'
            '      t.csv, row 1 (line 2): "9"\n'
            '  - column "mm": mean = 20..30, found 19.5\n',
        )
        self.assertEqual(self.read("v/t.csv"), self.read("in/t.csv"))

    def test_long_lists_are_cut(self):
        printed = self.validate("x\n" + "a\n" * 9, "[column x]\ntype = number\n", on_failure="report")
        self.assertIn("      and 4 more\n", printed)

    def test_mistakes_in_the_rules_are_named(self):
        for rules, want in {
            "": "rules.ini has no expectation in it",
            "rows = 1": "rules.ini, line 1: a section such as [table] or [column NAME] must come first",
            "[tables]": "rules.ini, line 1: [tables] is neither [table] nor [column NAME]",
            "[table]\nrow = 1": 'rules.ini, line 2: there is no rule "row" for a table; did you mean "rows"?',
            "[column x]\n\nrange = 5..1": "rules.ini, line 3: range: 5..1: nothing is between these bounds",
            "[column x]\nrange = a..b": "rules.ini, line 2: range: a..b is not a range such as 10..20, 10.. or ..20",
            "[column x]\ntype = float": 'rules.ini, line 2: type: there is no type "float"; there are number, integer, boolean, date, text',
            "[column x]\npattern = (": "rules.ini, line 2: pattern: ( is not a regular expression: missing ), unterminated subpattern at position 0",
            "[column x]\nunique = maybe": "rules.ini, line 2: unique: maybe is neither yes nor no",
            "[column x]\nmissing = few": "rules.ini, line 2: missing: few is neither a number of cells nor a share such as 5%",
            "[column x]\nunique": "rules.ini, line 2: a rule is written as name = value",
            "[column x]\nunique = yes\nunique = yes": "rules.ini, line 3: the rule unique is there already",
            "[column x]\n[column x]": "rules.ini, line 2: this section is there already",
        }.items():
            self.write("t.csv", "x\n1\n")
            self.write("rules.ini", rules)
            self.assertEqual(self.fault(main, table="./t.csv", expectations="./rules.ini", validated="./v", report="./r"), want)


if __name__ == "__main__":
    unittest.main()
