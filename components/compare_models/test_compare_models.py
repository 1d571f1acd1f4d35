import json
import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from compare_models import main
from trial import Trial


class CompareModels(Trial):
    def candidate(self, letter, **metrics):
        self.write(f"m{letter}/model.json", letter)
        self.write(f"m{letter}/more/bytes", bytes([0, 255]))
        self.write(f"e{letter}/metrics.json", json.dumps({"kind": "regression", "rows": 5, "unseen": 0, **metrics}))
        return {f"model_{letter}": f"./m{letter}", f"evaluation_{letter}": f"./e{letter}"}

    def test_the_best_is_copied_whole(self):
        inputs = {**self.candidate("a", rmse=3.0, r2=0.1), **self.candidate("b", rmse=2.0, r2=0.2), **self.candidate("c", rmse=2.0, r2=0.9)}
        for metric, want in (("auto", "b"), ("rmse", "b"), ("r2", "c")):
            printed = self.run_main(main, metric=metric, best=f"./best_{metric}", comparison="./c", **inputs)
            self.assertEqual(self.read(f"best_{metric}/model.json"), want)
            self.assertTrue((self.folder / f"best_{metric}/more/bytes").is_file())
            self.assertIn("<- chosen", printed)
        result = json.loads(self.read("c/comparison.json"))
        self.assertEqual((result["metric"], result["better"], result["best"]), ("r2", "more", "c"))
        self.assertEqual(result["models"]["a"], {"rmse": 3.0, "r2": 0.1})
        self.assertIn("<h1>Comparison of models</h1>", self.read("c/report.html"))

    def test_models_are_called_by_name(self):
        inputs = {**self.candidate("a", rmse=3.0), **self.candidate("b", rmse=4.0)}
        self.run_main(main, names="plain, ridge", best="./best", comparison="./c", **inputs)
        self.assertEqual(json.loads(self.read("c/comparison.json"))["best"], "plain")

    def test_mistakes_are_named(self):
        inputs = {**self.candidate("a", rmse=3.0), **self.candidate("b", rmse=4.0)}
        for more, want in (
            ({"metric": "rms"}, 'the evaluation of a has no metric "rms"; did you mean "rmse"?'),
            ({"names": "x"}, 'names: 2 different names are needed, and these are "x"'),
            ({"model_c": "./ma"}, "model_c and evaluation_c must be given together"),
        ):
            self.assertEqual(self.fault(main, best="./best", comparison="./c", **inputs, **more), want)
        inputs.update(self.candidate("b", kind="classification", accuracy=1.0))
        self.assertIn("are not of one kind", self.fault(main, best="./best", comparison="./c", **inputs))


if __name__ == "__main__":
    unittest.main()
