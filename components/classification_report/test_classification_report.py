import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from classification_report import main
from trial import Trial


class ClassificationReport(Trial):
    def test_predictions_become_a_page(self):
        self.write("p/predictions.csv", "label,predicted,probability_no,probability_yes\nno,no,0.9,0.1\nyes,no,0.6,0.4\nyes,yes,0.1,0.9\n")
        self.write("p/metrics.json", "{}")
        self.run_main(main, predictions="./p", title="A & B", report="./r")
        page = self.read("r/report.html")
        for part in ("<h1>A &amp; B</h1>", "2 of 3 rows were given their class", "Confusion matrix", "ROC", "Calibration"):
            self.assertIn(part, page)
        self.assertEqual(page.count("<svg"), page.count("</svg>"))
        metrics = json.loads(self.read("r/metrics.json"))
        self.assertEqual(metrics["confusion"], {"no": {"no": 1, "yes": 0}, "yes": {"no": 1, "yes": 1}})

    def test_probabilities_are_not_needed(self):
        self.write("p.csv", "truth,guess\nä<b>,ä<b>\nc,ä<b>\n")
        self.run_main(main, predictions="./p.csv", label="truth", predicted="guess", report="./r")
        page = self.read("r/report.html")
        self.assertNotIn("ROC", page)
        self.assertNotIn("ä<b>", page)

    def test_one_class_and_many_are_drawn(self):
        self.write("p.csv", "label,predicted,probability_a\na,a,1\na,a,0.5\n")
        self.run_main(main, predictions="./p.csv", report="./r")
        names = [f"class {i}" for i in range(12)]
        self.write(
            "q.csv",
            "label,predicted," + ",".join(f"probability_{name}" for name in names) + "\n"
            + "".join(f"{name},{names[0]}" + ",0.05" * 12 + "\n" for name in names),
        )
        self.run_main(main, predictions="./q.csv", report="./r")
        self.assertIn("4 more classes are not drawn", self.read("r/report.html"))

    def test_mistakes_are_named(self):
        self.write("p.csv", "label,predicted,probability_a\na,a,2\n")
        self.assertEqual(
            self.fault(main, predictions="./p.csv", report="./r"),
            'p.csv, row 1 (line 2), column "probability_a": "2" is not a probability',
        )
        self.write("p.csv", "label,predicted\n")
        self.assertEqual(self.fault(main, predictions="./p.csv", report="./r"), "there is no row to report on")


if __name__ == "__main__":
    unittest.main()
