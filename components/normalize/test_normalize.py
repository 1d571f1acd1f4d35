import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from normalize import main
from trial import Trial

TABLE = "x,same,kind\n1,5,a\n,5,b\n3,5,c\n5,5,d\n"


class Normalize(Trial):
    def scale(self, **inputs):
        self.write("t.csv", TABLE)
        self.run_main(main, table="./t.csv", result="./r", fit="./f", **inputs)
        return [row.split(",") for row in self.read("r/table.csv").splitlines()[1:]]

    def test_every_method(self):
        for method, want in (
            ("standard", ["-1.224744871", "", "0", "1.224744871"]),
            ("min_max", ["0", "", "0.5", "1"]),
            ("robust", ["-1", "", "0", "1"]),
        ):
            rows = self.scale(method=method)
            self.assertEqual([row[0] for row in rows], want)
            self.assertEqual([row[1] for row in rows], ["0"] * 4)
            self.assertEqual([row[2] for row in rows], list("abcd"))

    def test_another_table_is_brought_to_the_same_scale(self):
        self.scale(method="min_max", exclude="same")
        self.write("u.csv", "kind,x\nz,11\n")
        self.run_main(main, table="./u.csv", fitted="./f", result="./r2", fit="./f2")
        self.assertEqual(self.read("r2/table.csv"), "kind,x\nz,2.5\n")
        self.assertEqual(self.read("f/scales.json"), self.read("f2/scales.json"))
        self.write("v.csv", "x\n1\nten\n")
        self.assertEqual(
            self.fault(main, table="./v.csv", fitted="./f", result="./r", fit="./g"),
            'v.csv, row 2 (line 3), column "x": "ten" is not a number',
        )

    def test_a_column_that_is_named_must_hold_numbers(self):
        self.write("t.csv", TABLE)
        self.assertEqual(
            self.fault(main, table="./t.csv", columns="kind", result="./r", fit="./f"),
            't.csv, row 1 (line 2), column "kind": "a" is not a number',
        )


if __name__ == "__main__":
    unittest.main()
