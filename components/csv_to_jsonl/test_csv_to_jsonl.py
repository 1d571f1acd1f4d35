import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from csv_to_jsonl import main
from trial import Trial


class CSVToJSONL(Trial):
    def lines(self, table, **inputs):
        self.write("t.csv", table)
        self.run_main(main, table="./t.csv", result="./r", **inputs)
        return self.read("r/table.jsonl").splitlines()

    def test_columns_get_the_type_that_all_their_cells_have(self):
        self.assertEqual(
            self.lines('id,n,ok,"say ""so"""\n007,1.50,True,ü\n8,-2e3,false,\n9,NA,,"a\nb"\n'),
            [
                '{"id": "007", "n": 1.50, "ok": true, "say \\"so\\"": "ü"}',
                '{"id": "8", "n": -2e3, "ok": false, "say \\"so\\"": null}',
                '{"id": "9", "n": null, "ok": null, "say \\"so\\"": "a\\nb"}',
            ],
        )

    def test_what_json_would_not_read_stays_text(self):
        for cell in ("+1", ".5", "1.", "0x1", "1_0", "inf", "1,0"):
            self.assertEqual(json.loads(self.lines(f'x\n"{cell}"\n')[0]), {"x": cell})

    def test_everything_can_stay_text(self):
        self.assertEqual(self.lines("x,y\n1,NA\n", types="text"), ['{"x": "1", "y": "NA"}'])

    def test_a_header_alone_makes_no_lines(self):
        self.assertEqual(self.lines("x,y\n"), [])


if __name__ == "__main__":
    unittest.main()
