import math
import unittest

from metrics import area_under_roc, classification, regression, roc


class Classes(unittest.TestCase):
    def test_what_is_right_is_counted_for_each_class(self):
        metrics = classification(list("aaabbc"), list("aabbba"))
        self.assertAlmostEqual(metrics["accuracy"], 4 / 6)
        self.assertEqual(metrics["confusion"]["a"], {"a": 2, "b": 1, "c": 0})
        self.assertEqual(metrics["classes"]["c"], {"rows": 1, "predicted": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0})
        self.assertAlmostEqual(metrics["balanced_accuracy"], (2 / 3 + 1 + 0) / 3)
        self.assertNotIn("log_loss", metrics)

    def test_probabilities_are_judged(self):
        metrics = classification(list("ab"), list("ab"), {"a": [0.8, 0.4], "b": [0.2, 0.6]})
        self.assertAlmostEqual(metrics["log_loss"], -(math.log(0.8) + math.log(0.6)) / 2)
        self.assertEqual(metrics["roc_auc"], 1.0)

    def test_a_class_that_the_model_does_not_know_is_always_wrong(self):
        metrics = classification(list("az"), list("aa"), {"a": [0.9, 0.5], "b": [0.1, 0.5]}, list("abz"))
        self.assertEqual(metrics["classes"]["z"]["recall"], 0.0)
        self.assertTrue(math.isfinite(metrics["log_loss"]))

    def test_ties_count_half(self):
        self.assertEqual(area_under_roc([True, False], [0.5, 0.5]), 0.5)
        self.assertEqual(roc([True, False], [0.5, 0.5]), [(0.0, 0.0), (1.0, 1.0)])
        self.assertIsNone(area_under_roc([True, True], [0.1, 0.2]))


class Numbers(unittest.TestCase):
    def test_errors_are_measured(self):
        metrics = regression([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
        self.assertAlmostEqual(metrics["rmse"], math.sqrt(3))
        self.assertEqual((metrics["mae"], metrics["median_absolute_error"], metrics["max_error"]), (1.0, 0.0, 3.0))
        self.assertAlmostEqual(metrics["r2"], 1 - 9 / 2)

    def test_of_a_label_that_never_changes_nothing_is_explained(self):
        self.assertIsNone(regression([2.0, 2.0], [1.0, 3.0])["r2"])


if __name__ == "__main__":
    unittest.main()
