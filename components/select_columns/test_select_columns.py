import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent / "src"), str(Path(__file__).parents[1] / "parts")]

from select_columns import main
from trial import Trial


class SelectColumns(Trial):
    def test_columns_are_kept_left_out_put_in_order_and_renamed(self):
        self.write("t.csv", 'id,"a,b",x_mm,y_mm\n1,2,3,4\n')
        for inputs, want in (
            ({}, '1,2,3,4'),
            ({"columns": '*_mm,"a,b"'}, "3,4,2"),
            ({"exclude": "*_mm"}, "1,2"),
            ({"columns": "*_mm", "exclude": "x_mm"}, "4"),
        ):
            self.run_main(main, table="./t.csv", result="./r", **inputs)
            self.assertEqual(self.read("r/table.csv").splitlines()[1], want)
        self.run_main(main, table="./t.csv", columns="y_mm,id", rename="id=number", result="./r")
        self.assertEqual(self.read("r/table.csv"), "y_mm,number\n4,1\n")

    def test_mistakes_are_named(self):
        self.write("t.csv", "a,b\n1,2\n")
        for inputs, want in (
            ({"columns": "c"}, 't.csv has no column "c"; it has "a", "b"'),
            ({"exclude": "*"}, "no column is left"),
            ({"rename": "a"}, 'rename: "a" is not written as old=new'),
            ({"rename": "a=b"}, 'rename: two columns would be called "b"'),
            ({"columns": "a", "rename": "b=c"}, 'rename: column "b" is left out'),
        ):
            self.assertEqual(self.fault(main, table="./t.csv", result="./r", **inputs), want)


if __name__ == "__main__":
    unittest.main()
