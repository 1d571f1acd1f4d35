"""What the tests of all components need: a folder of their own, and a way to run a program in it."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path

from command import Fault


class Trial(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        """Write a file; its path comes back. Bytes are written as they are."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
        return path

    def read(self, name):
        return (self.folder / name).read_bytes().decode("utf-8")

    def run_main(self, main, **inputs):
        """Run the program with these inputs and outputs; what it printed comes back.

        Paths are taken from the folder of the trial, and everything is done a second time elsewhere, to see that the
        same bytes come of it.
        """
        printed = self._run(main, inputs, self.folder)
        made = contents(self.folder)
        with tempfile.TemporaryDirectory() as again:
            for path, data in made.items():
                (Path(again) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(again) / path).write_bytes(data)
            self.assertEqual(printed, self._run(main, inputs, Path(again)))
            self.assertEqual(made, contents(Path(again)))
        return printed

    def run_once(self, main, **inputs):
        """Run the program without a second look."""
        return self._run(main, inputs, self.folder)

    def fault(self, main, **inputs):
        """Run a program that must fail for a reason that it can name; its words come back."""
        with self.assertRaises(Fault) as raised:
            self._run(main, inputs, self.folder)
        return str(raised.exception)

    def _run(self, main, inputs, folder):
        arguments = []
        for name, value in inputs.items():
            text = str(value)
            if text.startswith("./"):
                text = str(folder / text[2:])
            arguments += ["--" + name.replace("_", "-"), text]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            main(arguments)
        return printed.getvalue()


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def use(test):
    """Let a test find the sources beside it; for parts, these are beside it already."""
    sys.path.insert(0, str(Path(test).parent / "src"))
