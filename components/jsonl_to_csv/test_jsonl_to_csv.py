import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from jsonl_to_csv import main
from trial import Trial


class JSONLToCSV(Trial):
    def test_objects_become_rows(self):
        self.write(
            "t.jsonl",
            '\ufeff{"a": 1, "b": {"c": "x,y", "d": {"e": true}}}\r\n\n{"list": [1, "ü"], "a": null, "f": 1.50}\n{"b": {}, "big": 12345678901234567890}\n',
        )
        self.run_main(main, lines="./t.jsonl", result="./r")
        self.assertEqual(
            self.read("r/table.csv"),
            'a,b.c,b.d.e,list,f,b,big\n1,"x,y",true,,,,\n,,,"[1, ""ü""]",1.5,,\n,,,,,{},12345678901234567890\n',
        )
        self.run_main(main, lines="./t.jsonl", columns="f,a", result="./r")
        self.assertEqual(self.read("r/table.csv"), "f,a\n,1\n1.5,\n,\n")

    def test_a_folder_is_read_by_name(self):
        self.write("in/b.ndjson", '{"x": 2}\n')
        self.write("in/a.jsonl", '{"x": 1}\n')
        self.write("in/readme.txt", "no")
        self.run_main(main, lines="./in", result="./r")
        self.assertEqual(self.read("r/table.csv"), "x\n1\n2\n")

    def test_mistakes_are_named(self):
        for line, want in {
            '{"x": 1': "t.jsonl, line 2: column 8: this is not JSON: Expecting ',' delimiter",
            "[1]": 't.jsonl, line 2: a line must hold an object, as in {"name": "value"}',
            '{"x": 1, "x": 2}': 't.jsonl, line 2: the key "x" is there twice',
            '{"x": NaN}': "t.jsonl, line 2: NaN is not a value of JSON",
            '{"x": 1e999}': "t.jsonl, line 2: the number 1e999 is too large",
            '{"x": "\\ud800"}': "t.jsonl, line 2: a text holds half a character (a lone surrogate)",
            '{"a.b": 1, "a": {"b": 2}}': 't.jsonl, line 2: the column "a.b" would be there twice',
            '{"x": ' + "[" * 100_000 + "]" * 100_000 + "}": "t.jsonl, line 2: objects and lists are nested too deeply",
        }.items():
            self.write("t.jsonl", '{"y": 1}\n' + line + "\n")
            self.assertEqual(self.fault(main, lines="./t.jsonl", result="./r"), want)
        self.write("t.jsonl", "{}\n")
        self.assertEqual(self.fault(main, lines="./t.jsonl", result="./r"), "no line has a key, so there are no columns")


if __name__ == "__main__":
    unittest.main()
