import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from evaluate_model import main
from trial import Trial

LINEAR = {
    "format": "millrace linear model 1", "kind": "linear", "label": "y",
    "features": [{"column": "x"}, {"column": "kind", "levels": ["a", "b"]}], "intercepts": [1.0], "weights": [[2.0, 10.0]],
}
LOGISTIC = {
    "format": "millrace linear model 1", "kind": "logistic", "label": "y", "classes": ["no", "yes"],
    "features": [{"column": "x"}], "intercepts": [0.0], "weights": [[1.0]],
}


class EvaluateModel(Trial):
    def evaluate(self, model, table, **inputs):
        self.write("m/model.json", json.dumps(model))
        self.write("t.csv", table)
        printed = self.run_main(main, model="./m", table="./t.csv", evaluation="./e", **inputs)
        return self.read("e/predictions.csv"), json.loads(self.read("e/metrics.json")), printed

    def test_numbers_are_predicted_and_measured(self):
        predictions, metrics, printed = self.evaluate(LINEAR, "kind,x,y\na,1,3\nb,1,14\nz,0,1\n")
        self.assertEqual(predictions, "label,predicted\n3,3\n14,13\n1,1\n")
        self.assertEqual((metrics["kind"], metrics["label"], metrics["rows"], metrics["max_error"]), ("regression", "y", 3, 1.0))
        self.assertEqual(metrics["unseen"], 1)
        self.assertIn("1 cell had a text that training had not seen", printed)

    def test_classes_are_predicted_with_their_probabilities(self):
        predictions, metrics, _ = self.evaluate(LOGISTIC, "x,y\n0,no\n2,yes\n1,perhaps\n")
        self.assertEqual(
            predictions,
            "label,predicted,probability_no,probability_yes\nno,no,0.5,0.5\nyes,yes,0.119203,0.880797\n"
            "perhaps,yes,0.268941,0.731059\n",
        )
        self.assertAlmostEqual(metrics["accuracy"], 2 / 3)
        self.assertEqual(list(metrics["confusion"]), ["no", "perhaps", "yes"])

    def test_incomplete_rows_fail_unless_they_may_be_skipped(self):
        _, metrics, _ = self.evaluate(LOGISTIC, "x,y\n1,yes\n,no\n1,\n", skip_incomplete="True")
        self.assertEqual((metrics["rows"], metrics["skipped"]), (1, 2))
        self.assertIn("row 2 (line 3)", self.fault(main, model="./m", table="./t.csv", evaluation="./e"))

    def test_mistakes_are_named(self):
        self.write("t.csv", "x,y\n")
        self.write("m/model.json", json.dumps(LOGISTIC))
        self.assertEqual(self.fault(main, model="./m", table="./t.csv", evaluation="./e"), "there is no complete row to evaluate")
        self.write("m/model.json", "{}")
        self.assertEqual(
            self.fault(main, model="./m", table="./t.csv", evaluation="./e"),
            "model.json is not a model of train_linear or train_logistic",
        )
        self.write("empty/x", "")
        self.assertIn("has no model.json in it", self.fault(main, model="./empty", table="./t.csv", evaluation="./e"))


if __name__ == "__main__":
    unittest.main()
