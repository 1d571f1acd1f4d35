import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from split_csv import main
from trial import Trial

OUT = {"train": "./train", "test": "./test", "validation": "./validation"}


class SplitCSV(Trial):
    def parts(self):
        return {name: self.read(f"{name}/{name}.csv").splitlines()[1:] for name in OUT}

    def test_every_row_goes_to_one_part_in_its_order_and_the_numbers_are_exact(self):
        rows = [f"{i},{i % 2}" for i in range(100)]
        self.write("t.csv", "n,odd\n" + "\n".join(rows) + "\n")
        self.run_main(main, table="./t.csv", test_share=0.2, validation_share=0.13, **OUT)
        parts = self.parts()
        self.assertEqual({name: len(part) for name, part in parts.items()}, {"test": 20, "validation": 13, "train": 67})
        self.assertEqual(sorted(sum(parts.values(), [])), sorted(rows))
        for part in parts.values():
            self.assertEqual(part, [row for row in rows if row in part])

    def test_another_seed_deals_otherwise(self):
        self.write("t.csv", "n\n" + "".join(f"{i}\n" for i in range(50)))
        dealt = []
        for seed in (1, 1, 2):
            self.run_main(main, table="./t.csv", seed=seed, **OUT)
            dealt.append(self.parts()["test"])
        self.assertEqual(dealt[0], dealt[1])
        self.assertNotEqual(dealt[0], dealt[2])

    def test_strata_have_the_same_share_in_every_part(self):
        self.write("t.csv", "kind\n" + "a\n" * 40 + "b\n" * 20 + "c\n" * 3)
        self.run_main(main, table="./t.csv", test_share=0.25, validation_share=0.25, stratify_by="kind", **OUT)
        parts = self.parts()
        self.assertEqual([len(parts[name]) for name in ("test", "validation", "train")], [16, 16, 31])
        for name in ("test", "validation"):
            self.assertEqual((parts[name].count("a"), parts[name].count("b"), parts[name].count("c")), (10, 5, 1))

    def test_groups_stay_together(self):
        self.write("t.csv", "who,n\n" + "".join(f"p{i % 17},{i}\n" for i in range(170)))
        self.run_main(main, table="./t.csv", test_share=0.3, group_by="who", **OUT)
        groups = {name: {row.split(",")[0] for row in part} for name, part in self.parts().items()}
        self.assertFalse(groups["test"] & groups["train"])
        self.assertEqual(len(groups["test"]), 5)

    def test_a_header_alone_makes_empty_parts(self):
        self.write("t.csv", "n\n")
        self.run_main(main, table="./t.csv", **OUT)
        self.assertEqual([self.read(f"{name}/{name}.csv") for name in OUT], ["n\n"] * 3)

    def test_shares_must_make_sense(self):
        self.write("t.csv", "n\n1\n")
        self.assertIn("go beyond 0 to 1", self.fault(main, table="./t.csv", test_share=0.7, validation_share=0.7, **OUT))
        self.assertIn("cannot both", self.fault(main, table="./t.csv", stratify_by="n", group_by="n", **OUT))
        self.assertIn('has no column "m"', self.fault(main, table="./t.csv", stratify_by="m", **OUT))


if __name__ == "__main__":
    unittest.main()
