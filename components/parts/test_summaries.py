import unittest

from summaries import quantile, summarise
from tables import Table
from trial import Trial


class Summaries(Trial):
    def summary(self, *cells, **keep):
        table = Table(self.write("t.csv", "x,y\n" + "".join(f"{cell},0\n" for cell in cells)))
        return summarise(table, ["x"], **keep)[0]

    def test_numbers_are_measured_in_one_reading(self):
        summary = self.summary("1", "NA", "2", "", "6", values=True)
        self.assertEqual((summary.count, summary.missing, summary.numeric), (3, 2, True))
        self.assertEqual((summary.mean, summary.low, summary.high), (3.0, 1.0, 6.0))
        self.assertAlmostEqual(summary.deviation, (14 / 3) ** 0.5)
        self.assertEqual(summary.quantile(0.5), 2.0)

    def test_a_large_offset_costs_no_digits(self):
        self.assertAlmostEqual(self.summary("1000000001", "1000000002", "1000000003").deviation, (2 / 3) ** 0.5)

    def test_the_first_cell_that_is_no_number_is_remembered(self):
        summary = self.summary("1", "two", "three", texts=10)
        self.assertFalse(summary.numeric)
        self.assertEqual(summary.not_number, ("two", 't.csv, row 2 (line 3), column "x"'))
        self.assertEqual(summary.texts, {"1": 1, "two": 1, "three": 1})

    def test_texts_are_counted_up_to_a_limit(self):
        self.assertEqual(self.summary("a", "b", "c", "a", texts=2).texts, {})
        self.assertEqual(self.summary("b", "a", "b", "a", texts=2).most_frequent(), "a")

    def test_quantiles_lie_between_neighbours(self):
        self.assertEqual([quantile([1, 2, 3, 10], share) for share in (0, 0.25, 0.5, 1)], [1, 1.75, 2.5, 10])


if __name__ == "__main__":
    unittest.main()
