"""JSON files that are the same bytes each time, and say what they are."""

import json
from pathlib import Path

from command import Fault


def rounded(value):
    """A number with ten digits, and so the same wherever it was computed."""
    return float(format(value, ".10g")) + 0.0  # never -0.0


def write_json(path, value):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(written + "\n", encoding="utf-8")


def read_json(folder, name, form, what):
    """Read the file with that name, whose format must be form; what says where it comes from, as in "the output fit"."""
    folder = Path(folder)
    path = folder / name if folder.is_dir() else folder
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Fault(f"the folder {folder.name} has no {name} in it: it is not {what}") from None
    except ValueError as error:
        raise Fault(f"{path.name} is not JSON: {error}") from error
    if not isinstance(value, dict) or value.get("format") != form:
        raise Fault(f"{path.name} is not {what}")
    return value
