import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from concat_csv import main
from trial import Trial


class ConcatCSV(Trial):
    def setUp(self):
        super().setUp()
        self.write("a.csv", "x,y\n1,2\n")
        self.write("b/1.csv", "y,x\n4,3\n")
        self.write("b/2.csv", "x,y\n5,6\n")
        self.write("c.csv", "x,z\n7,8\n")

    def test_rows_follow_each_other_and_columns_are_matched(self):
        self.run_main(main, first="./a.csv", second="./b", source_column="from", result="./r")
        self.assertEqual(self.read("r/table.csv"), "x,y,from\n1,2,first/a.csv\n3,4,second/1.csv\n5,6,second/2.csv\n")

    def test_columns_that_differ(self):
        self.run_main(main, first="./a.csv", second="./c.csv", columns="common", result="./r")
        self.assertEqual(self.read("r/table.csv"), "x\n1\n7\n")
        self.run_main(main, first="./a.csv", second="./c.csv", columns="all", result="./r")
        self.assertEqual(self.read("r/table.csv"), "x,y,z\n1,2,\n7,,8\n")
        self.assertEqual(
            self.fault(main, first="./a.csv", second="./c.csv", result="./r"),
            'second/c.csv does not have the columns of first/a.csv: "y" missing; "z" added. Set columns to common or all'
            " to take them together",
        )

    def test_mistakes_are_named(self):
        self.assertIn('there is a column "x" already', self.fault(main, first="./a.csv", source_column="x", result="./r"))


if __name__ == "__main__":
    unittest.main()
