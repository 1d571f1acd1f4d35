import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from predict_csv import main
from trial import Trial

LOGISTIC = {
    "format": "millrace linear model 1", "kind": "logistic", "label": "y", "classes": ["no", "yes"],
    "features": [{"column": "x"}], "intercepts": [0.0], "weights": [[1.0]],
}


class PredictCSV(Trial):
    def setUp(self):
        super().setUp()
        self.write("m/model.json", json.dumps(LOGISTIC))
        self.write("t.csv", "id,x\n7,2\n8,\n9,-2\n")

    def test_every_row_gets_a_prediction_where_it_has_its_features(self):
        self.run_main(main, model="./m", table="./t.csv", result="./r")
        self.assertEqual(
            self.read("r/table.csv"),
            "id,x,predicted,probability_no,probability_yes\n7,2,yes,0.119203,0.880797\n8,,,,\n9,-2,no,0.880797,0.119203\n",
        )
        self.run_main(main, model="./m", table="./t.csv", column="said", probabilities="False", result="./r")
        self.assertEqual(self.read("r/table.csv"), "id,x,said\n7,2,yes\n8,,\n9,-2,no\n")

    def test_no_column_is_overwritten(self):
        self.assertIn(
            'the table has a column "x" already', self.fault(main, model="./m", table="./t.csv", column="x", result="./r")
        )


if __name__ == "__main__":
    unittest.main()
