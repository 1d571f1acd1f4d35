import json
import math
import random
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from train_logistic import main
from trial import Trial


class TrainLogistic(Trial):
    def train(self, **inputs):
        printed = self.run_main(main, table="./t.csv", model="./m", **inputs)
        return json.loads(self.read("m/model.json")), printed

    def slopes(self, model, rows, l2):
        """The gradient of what is minimised, worked out anew from its definition; at the optimum it is 0."""
        weights, sums = model["weights"][0], [0.0] * (1 + len(model["weights"][0]))
        for *point, truth in rows:
            score = model["intercepts"][0] + sum(w * x for w, x in zip(weights, point))
            error = 1 / (1 + math.exp(-score)) - truth
            sums = [s + error * x for s, x in zip(sums, [1.0, *point])]
        return [sums[0]] + [s + l2 * w for s, w in zip(sums[1:], weights)]

    def test_two_classes_reach_the_optimum(self):
        chance = random.Random(5)
        rows = []
        for _ in range(200):
            x, z = chance.gauss(50, 10), chance.gauss(0, 0.001)
            rows.append((round(x, 3), round(z, 6), int(chance.random() < 1 / (1 + math.exp(-(x - 50) / 5 - 900 * z)))))
        self.write("t.csv", "x,z,y\n" + "".join(f"{x},{z},{'yes' if y else 'no'}\n" for x, z, y in rows))
        for l2 in (0, 1e-6, 1, 100):
            model, _ = self.train(label="y", l2=l2)
            self.assertEqual((model["classes"], len(model["weights"])), (["no", "yes"], 1))
            for slope in self.slopes(model, rows, l2):
                self.assertAlmostEqual(slope, 0, 3)

    def test_shares_are_met_without_features_that_tell(self):
        self.write("t.csv", "same,y\n" + "1,a\n" * 30 + "1,b\n" * 10)
        model, _ = self.train(label="y")
        self.assertAlmostEqual(model["intercepts"][0], math.log(10 / 30), 6)
        self.assertEqual(model["weights"], [[0.0]])

    def test_three_classes_have_a_row_of_weights_each(self):
        corners = {"a": (0, 0), "b": (4, 0), "c": (0, 4)}
        chance = random.Random(1)
        self.write(
            "t.csv",
            "x,z,kind\n"
            + "".join(f"{x + chance.gauss(0, 1)},{z + chance.gauss(0, 1)},{k}\n" for k, (x, z) in corners.items() for _ in range(40)),
        )
        model, _ = self.train(label="kind")
        self.assertEqual((len(model["weights"]), len(model["intercepts"])), (3, 3))
        self.assertGreater(model["training"]["accuracy"], 0.9)
        for column in zip(*model["weights"]):
            self.assertAlmostEqual(sum(column), 0, 6)

    def test_it_fails_where_there_is_no_optimum(self):
        self.write("t.csv", "x,y\n1,a\n2,a\n3,b\n4,b\n")
        self.assertIn("no optimum after 5 iterations", self.fault(main, table="./t.csv", label="y", l2=0, max_iterations=5, model="./m"))
        _, printed = self.train(label="y", l2=0)
        self.assertIn("a plane separates the classes", printed)

    def test_mistakes_are_named(self):
        self.write("t.csv", "x,y\n1,a\n2,a\n")
        self.assertEqual(
            self.fault(main, table="./t.csv", label="y", model="./m"),
            'label "y" is always "a": there is nothing to tell apart',
        )
        self.write("t.csv", "x,y\n" + "".join(f"{i},{i}\n" for i in range(60)))
        self.assertEqual(
            self.fault(main, table="./t.csv", label="y", model="./m"),
            'label "y" has more than 50 classes (max_levels); is it a number?',
        )


if __name__ == "__main__":
    unittest.main()
