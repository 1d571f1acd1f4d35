import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from train_linear import main
from trial import Trial


class TrainLinear(Trial):
    def train(self, **inputs):
        printed = self.run_main(main, table="./t.csv", model="./m", **inputs)
        return json.loads(self.read("m/model.json")), printed

    def test_a_plane_is_found_exactly(self):
        self.write("t.csv", "x,z,y\n" + "".join(f"{x},{z},{3 + 2 * x - 5 * z}\n" for x in range(5) for z in range(5)))
        model, _ = self.train(label="y")
        self.assertEqual((model["terms"], model["weights"], model["intercepts"]), (["x", "z"], [[2.0, -5.0]], [3.0]))
        self.assertEqual((model["training"]["r2"], model["training"]["rows"]), (1.0, 25))

    def test_texts_are_terms_against_the_first_of_them(self):
        self.write("t.csv", "kind,y\nb,5\na,2\nb,5\nc,9\n")
        model, _ = self.train(label="y")
        self.assertEqual((model["terms"], model["weights"], model["intercepts"]), (["kind=b", "kind=c"], [[3.0, 7.0]], [2.0]))

    def test_the_ridge_is_the_one_of_the_textbook(self):
        # Centred, x is -1, 0, 1 and y is -2, 0, 2: the weight is 4 / (2 + l2).
        self.write("t.csv", "x,y\n1,0\n2,2\n3,4\n")
        model, _ = self.train(label="y", l2=2)
        self.assertAlmostEqual(model["weights"][0][0], 1.0, 12)
        self.assertAlmostEqual(model["intercepts"][0], 0.0, 12)

    def test_nearly_dependent_columns_cost_few_digits(self):
        # Powers of x up to the seventh: the normal equations would lose all digits.
        rows = [[1 + i / 10] for i in range(60)]
        rows = [[x**k for k in range(1, 8)] + [sum((k + 1) * x**k for k in range(8))] for (x,) in rows]
        self.write("t.csv", ",".join("abcdefgy") + "\n" + "".join(",".join(map(repr, row)) + "\n" for row in rows))
        model, _ = self.train(label="y")
        for k, weight in enumerate(model["intercepts"] + model["weights"][0]):
            self.assertAlmostEqual(weight, k + 1, 5)

    def test_a_column_that_follows_from_others_gets_no_weight(self):
        self.write("t.csv", "x,twice,same,y\n" + "".join(f"{x},{2 * x},7,{x}\n" for x in range(9)))
        model, printed = self.train(label="y")
        self.assertEqual(model["weights"], [[1.0, 0.0, 0.0]])
        self.assertEqual(model["training"]["dependent"], ["twice", "same"])
        self.assertIn('"twice" follows from the terms before it', printed)

    def test_incomplete_rows_fail_unless_they_may_be_skipped(self):
        self.write("t.csv", "x,y\n1,1\nNA,2\n3,3\n4,\n")
        self.assertEqual(
            self.fault(main, table="./t.csv", label="y", model="./m"),
            't.csv, row 2 (line 3), column "x": the value is missing; fill it with the component fill_missing, or set'
            " skip_incomplete",
        )
        model, _ = self.train(label="y", skip_incomplete="True")
        self.assertEqual((model["training"]["rows"], model["training"]["skipped"]), (2, 2))

    def test_mistakes_are_named(self):
        self.write("t.csv", "x,kind,y\n" + "".join(f"{i},k{i},{i}\n" for i in range(60)) + "60,k1,high\n")
        for inputs, want in (
            ({"label": "yy"}, 't.csv has no column "yy"; did you mean "y"?'),
            ({"label": "y", "features": "x,y"}, 'the label "y" cannot be a feature too'),
            ({"label": "y", "exclude": "*"}, "no column is left to be a feature"),
            ({"label": "y", "features": "x"}, 't.csv, row 61 (line 62), column "y": the label must be a number, and "high" is none'),
            (
                {"label": "y"},
                'column "kind" has more than 50 different texts: leave it out with the input exclude, or raise'
                ' max_levels. If it should hold numbers, look at "k0" in t.csv, row 1 (line 2), column "kind"',
            ),
        ):
            self.assertEqual(self.fault(main, table="./t.csv", model="./m", **inputs), want)
        self.write("t.csv", "x,y\n")
        self.assertIn("has no value at all", self.fault(main, table="./t.csv", label="y", model="./m"))


if __name__ == "__main__":
    unittest.main()
