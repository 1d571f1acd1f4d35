"""What the program of every stock component does: read its arguments, and say plainly what is wrong."""

import argparse
import csv
import sys


class Fault(Exception):
    """A mistake in the data or in an input, in words for the person who can mend it."""


def run(main):
    """Run main with the command line. A Fault ends the program with its words and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # a log that cannot show a name must not end the step
    try:
        main(sys.argv[1:])
    except Fault as fault:
        sys.stdout.flush()
        print(f"error: {fault}", file=sys.stderr)
        sys.exit(1)


def boolean(text):
    """Read true or false, as Azure ML writes them."""
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def words(text):
    """Read a list with commas between its words; a word with a comma stands in double quotes."""
    return [word.strip() for row in csv.reader([text], skipinitialspace=True) for word in row if word.strip()]


def count(number, thing):
    """Write "1 row", "2 rows"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
