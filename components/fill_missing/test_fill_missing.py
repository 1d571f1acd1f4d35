import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from fill_missing import main
from trial import Trial

TABLE = "n,kind,empty\n1,a,\n,b,NA\n4,,\nNaN,b,\n7,NA,\n"


class FillMissing(Trial):
    def fill(self, **inputs):
        self.write("t.csv", TABLE)
        printed = self.run_main(main, table="./t.csv", result="./r", fit="./f", **inputs)
        return [row.split(",") for row in self.read("r/table.csv").splitlines()[1:]], printed

    def test_numbers_get_their_median_and_texts_the_most_frequent(self):
        rows, printed = self.fill()
        self.assertEqual([row[0] for row in rows], ["1", "4", "4", "4", "7"])
        self.assertEqual([row[1] for row in rows], ["a", "b", "b", "b", "b"])
        self.assertEqual([row[2] for row in rows], [""] * 5)
        self.assertIn('n: 2 gaps filled with "4"', printed)
        self.assertIn("empty: 5 gaps left", printed)

    def test_every_strategy(self):
        for strategy, column, want in (
            ("mean", 0, ["1", "4", "4", "4", "7"]),
            ("mean", 1, ["a", "b", "", "b", ""]),
            ("most_frequent", 0, ["1", "1", "4", "1", "7"]),
            ("drop_rows", 0, []),
        ):
            rows, _ = self.fill(strategy=strategy)
            self.assertEqual([row[column] for row in rows], want, strategy)
        rows, _ = self.fill(strategy="constant", value="0", columns="n")
        self.assertEqual([row[0] for row in rows], ["1", "0", "4", "0", "7"])
        rows, _ = self.fill(strategy="drop_rows", columns="n,kind")
        self.assertEqual([row[0] for row in rows], ["1"])

    def test_another_table_is_filled_with_the_same_values(self):
        self.fill(columns="n", also_missing="-9")
        self.write("u.csv", "kind,n\nNA,\nz,-9\n-9,100\n")
        self.run_main(main, table="./u.csv", fitted="./f", strategy="mean", result="./r2", fit="./f2")
        self.assertEqual(self.read("r2/table.csv"), "kind,n\nNA,4\nz,4\n-9,100\n")
        self.assertEqual(self.read("f/fill.json"), self.read("f2/fill.json"))

    def test_other_marks_count_in_the_columns_that_are_filled(self):
        self.write("t.csv", "a,b\n?,?\n3,?\n")
        self.run_main(main, table="./t.csv", columns="a", also_missing="?", result="./r", fit="./f")
        self.assertEqual(self.read("r/table.csv"), "a,b\n3,?\n3,?\n")

    def test_mistakes_are_named(self):
        self.write("t.csv", TABLE)
        for inputs, want in (
            ({"strategy": "constant"}, "the strategy constant needs the input value"),
            ({"strategy": "mean", "columns": "kind"}, 't.csv, row 1 (line 2), column "kind": "a" is not a number, so the column has no mean'),
            ({"columns": "empty"}, 'column "empty" has no value at all, so there is nothing to fill it with'),
            ({"columns": "kinds"}, 't.csv has no column "kinds"; did you mean "kind"?'),
            ({"fitted": "./t.csv"}, None),
        ):
            fault = self.fault(main, table="./t.csv", result="./r", fit="./f", **inputs)
            self.assertEqual(fault, want) if want else self.assertIn("is not JSON", fault)


if __name__ == "__main__":
    unittest.main()
