import gzip
import unittest

from command import Fault, words
from tables import Table, Writer, number, text
from trial import Trial


class Reading(Trial):
    def rows(self, path):
        table = Table(path)
        return table.columns, list(table)

    def test_a_table_is_read_however_it_was_saved(self):
        want = (["name", "n"], [["Ångström, A.", "1"], ['say "hi"', "2"], ["two\nlines", ""]])
        body = 'name,n\n"Ångström, A.",1\n"say ""hi""",2\n"two\nlines",\n'
        semicolons = 'name;n\nÅngström, A.;1\n"say ""hi""";2\n"two\nlines";\n'
        for what, data in {
            "plainly": body.encode(),
            "by a spreadsheet": b"\xef\xbb\xbf" + body.replace(",1\n", ",1\r\n").encode(),
            "with semicolons": semicolons.encode(),
            "with tabs": semicolons.replace(";", "\t").encode(),
            "with empty lines": ("\n" + body + "\n\n").encode(),
            "without a last line feed": body.encode()[:-1],
            "with blanks around the names": body.replace("name,n\n", "name , n\n", 1).encode(),
        }.items():
            with self.subTest(what):
                self.assertEqual(self.rows(self.write("t.csv", data)), want)
        self.assertEqual(self.rows(self.write("t.csv.gz", gzip.compress(body.encode()))), want)

    def test_a_folder_is_read_by_name_and_columns_are_matched(self):
        self.write("t/b.csv", "y,x\n2,1\n")
        self.write("t/a.csv", "x,y\n3,4\n")
        self.write("t/inner/c.CSV", "x,y\n5,6\n")
        self.write("t/notes.txt", "not a table")
        self.write("t/_SUCCESS.csv", "")
        self.write("t/.hidden.csv", "")
        self.assertEqual(self.rows(self.folder / "t"), (["x", "y"], [["3", "4"], ["1", "2"], ["5", "6"]]))

    def test_a_file_without_an_ending_is_found_when_it_is_alone(self):
        self.write("t/result", "x\n1\n")
        self.assertEqual(self.rows(self.folder / "t"), (["x"], [["1"]]))

    def test_a_header_alone_is_a_table_without_rows(self):
        self.assertEqual(self.rows(self.write("t.csv", "x,y\n")), (["x", "y"], []))

    def test_a_table_can_be_read_twice(self):
        table = Table(self.write("t.csv", "x\n1\n2\n"))
        self.assertEqual(list(table), list(table))

    def test_mistakes_are_said_with_their_place(self):
        for data, want in {
            "": "t.csv is empty: its first row must hold the names of the columns",
            "\n \n": None,
            "x,y,x\n": 't.csv has more than one column "x"',
            "x,y\n1,2\n\n3\n": "t.csv, row 2 (line 4): 1 cell, but the header has 2",
            'x,y\n"a"b,2\n': "t.csv, line 2: this is not CSV: ',' expected after '\"'",
            'x,y\n"a,2\n3,4\n': "t.csv, line 3: this is not CSV: unexpected end of data",
            b"x\n\xe9\n": "t.csv is not UTF-8; convert it, as with: iconv -f latin1 -t utf-8",
        }.items():
            with self.subTest(data):
                path = self.write("t.csv", data)
                if want is None:
                    self.assertEqual(self.rows(path), ([""], []))
                    continue
                with self.assertRaises(Fault) as raised:
                    self.rows(path)
                self.assertEqual(str(raised.exception), want)

    def test_files_that_do_not_belong_together_are_refused(self):
        self.write("t/a.csv", "x,y\n")
        self.write("t/b.csv", "x,z\n")
        with self.assertRaises(Fault) as raised:
            Table(self.folder / "t")
        self.assertEqual(str(raised.exception), 'b.csv does not have the columns of a.csv: "y" missing; "z" added')

    def test_a_folder_without_tables_is_refused(self):
        self.write("t/a.txt", "")
        self.write("t/b.txt", "")
        with self.assertRaises(Fault) as raised:
            Table(self.folder / "t")
        self.assertEqual(str(raised.exception), "the folder t has no CSV file in it")

    def test_columns_are_picked_by_name_and_pattern(self):
        table = Table(self.write("t.csv", "bill_mm,size [mm],mass,bill_cm\n"))
        self.assertEqual(table.pick(["mass", "bill_*", "*"]), ["mass", "bill_mm", "bill_cm", "size [mm]"])
        self.assertEqual(table.pick(["size [mm]"]), ["size [mm]"])
        with self.assertRaises(Fault) as raised:
            table.pick(["bil_mm"])
        self.assertEqual(str(raised.exception), 't.csv has no column "bil_mm"; did you mean "bill_mm"?')

    def test_a_fault_names_the_cell(self):
        table = Table(self.write("t.csv", 'x,y\n"a\nb",1\nc,2\n'))
        rows = iter(table)
        next(rows), next(rows)
        self.assertEqual(str(table.fault("no", "y")), 't.csv, row 2 (line 4), column "y": no')


class Writing(Trial):
    def test_what_is_written_is_read_back(self):
        rows = [["a,b", 'say "hi"'], ["two\nlines", "carriage\rreturn"], ["", "ü"]]
        with Writer(self.folder / "new" / "t.csv", ["x", "y"]) as writer:
            for row in rows:
                writer.write(row)
        self.assertEqual(list(Table(self.folder / "new")), rows)
        with Writer(self.folder / "one.csv", ["x"]) as writer:
            writer.write([""])
        self.assertEqual(list(Table(self.folder / "one.csv")), [[""]])


class Cells(unittest.TestCase):
    def test_numbers(self):
        for cell, want in {
            "1": 1.0, " 2.5 ": 2.5, "-1e3": -1000.0, "1_000": None, "inf": None, "nan": None, "": None, "1,5": None,
            "1e999": None, "0x10": None, "007": 7.0,
        }.items():
            with self.subTest(cell):
                self.assertEqual(number(cell), want)

    def test_numbers_are_written_with_ten_digits(self):
        for value, want in {1.0: "1", 0.1 + 0.2: "0.3", -0.0: "0", 1e20: "1e+20", 1 / 3: "0.3333333333"}.items():
            self.assertEqual(text(value), want)

    def test_lists_of_words(self):
        self.assertEqual(words(' a, "b,c" ,, d '), ["a", "b,c", "d"])


if __name__ == "__main__":
    unittest.main()
