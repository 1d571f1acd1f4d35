import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from regression_report import main
from trial import Trial


class RegressionReport(Trial):
    def test_predictions_become_a_page(self):
        self.write("p.csv", "label,predicted\n1,1.5\n2,2\n3,2\n")
        self.run_main(main, predictions="./p.csv", title="Yield", report="./r")
        page = self.read("r/report.html")
        for part in ("<h1>Yield</h1>", "Predicted against label", "The largest errors"):
            self.assertIn(part, page)
        self.assertEqual(json.loads(self.read("r/metrics.json"))["mae"], 0.5)

    def test_a_long_table_is_drawn_thinly_and_one_row_too(self):
        self.write("p.csv", "label,predicted\n" + "".join(f"{i},{i + i % 3}\n" for i in range(5000)))
        self.run_main(main, predictions="./p.csv", report="./r")
        self.assertIn("1500 of 5000 rows are drawn", self.read("r/report.html"))
        self.assertLess(len(self.read("r/report.html")), 500_000)
        self.write("p.csv", "label,predicted\n1,1\n")
        self.run_main(main, predictions="./p.csv", report="./r")

    def test_mistakes_are_named(self):
        self.write("p.csv", "label,predicted\n1,\n")
        self.assertEqual(
            self.fault(main, predictions="./p.csv", report="./r"), 'p.csv, row 1 (line 2), column "predicted": "" is not a number'
        )


if __name__ == "__main__":
    unittest.main()
