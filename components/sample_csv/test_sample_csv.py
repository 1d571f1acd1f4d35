import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from sample_csv import main
from trial import Trial


class SampleCSV(Trial):
    def sample(self, **inputs):
        self.write("t.csv", "n,kind\n" + "".join(f"{i},{'a' if i % 4 else 'b'}\n" for i in range(200)))
        self.run_main(main, table="./t.csv", result="./r", **inputs)
        return self.read("r/table.csv").splitlines()[1:]

    def test_the_number_is_exact_and_the_order_kept(self):
        rows = self.sample(rows=50)
        self.assertEqual(len(rows), 50)
        self.assertEqual(rows, sorted(rows, key=lambda row: int(row.split(",")[0])))
        self.assertEqual(len(self.sample(share=0.33)), 66)
        self.assertEqual(len(self.sample(rows=1000)), 200)
        self.assertEqual(self.sample(rows=0), [])
        self.assertNotEqual(rows, self.sample(rows=50, seed=1))

    def test_strata_keep_their_share(self):
        rows = self.sample(rows=40, stratify_by="kind")
        self.assertEqual(sum(row.endswith("b") for row in rows), 10)

    def test_all_rows_have_the_same_chance(self):
        self.write("t.csv", "n\n" + "".join(f"{i}\n" for i in range(10)))
        times = [0] * 10
        for seed in range(300):
            self.run_once(main, table="./t.csv", rows=3, seed=seed, result="./r")
            for row in self.read("r/table.csv").split()[1:]:
                times[int(row)] += 1
        self.assertTrue(all(60 < n < 120 for n in times), times)

    def test_mistakes_are_named(self):
        self.write("t.csv", "n\n1\n")
        for inputs in ({}, {"rows": 1, "share": 0.5}):
            self.assertEqual(self.fault(main, table="./t.csv", result="./r", **inputs), "give either rows or share")


if __name__ == "__main__":
    unittest.main()
