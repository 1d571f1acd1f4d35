"""One HTML page with the confusion matrix and a picture of the test penguins."""

import argparse
import csv
import json
from html import escape
from pathlib import Path

ACROSS, UPWARD = "flipper_length_mm", "bill_length_mm"
COLOURS = ["#0072b2", "#e69f00", "#009e73"]  # told apart by colour-blind eyes too

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Palmer penguins</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff;
         max-width: 42rem; margin: 2rem auto; padding: 0 1rem; }}
  svg {{ max-width: 100%; height: auto; font: 13px system-ui, sans-serif; }}
</style>
<h1>Palmer penguins</h1>
<p>{right} of {tested} test penguins were given the right species: an accuracy of
<strong>{accuracy:.1%}</strong>.</p>
<h2>Confusion matrix</h2>
{matrix}
<h2>The test penguins</h2>
{scatter}
<p>The fill is the true species. A ring in another colour is the wrong species that was given.</p>
</html>
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    args = parser.parse_args()

    metrics = json.loads((args.evaluation / "metrics.json").read_text())
    scaling = json.loads((args.prepared / "scaling.json").read_text())
    penguins = [
        {**row, **guess, ACROSS: restore(row, ACROSS, scaling), UPWARD: restore(row, UPWARD, scaling)}
        for row, guess in zip(
            read_csv(args.prepared / "test.csv"), read_csv(args.evaluation / "predictions.csv")
        )
    ]
    colours = dict(zip(sorted(metrics["confusion"]), COLOURS))

    page = PAGE.format(
        right=metrics["right"],
        tested=metrics["tested"],
        accuracy=metrics["accuracy"],
        matrix=matrix(metrics["confusion"], colours),
        scatter=scatter(penguins, colours),
    )
    (args.report / "report.html").write_text(page, encoding="utf-8")
    print(f"report.html: {len(penguins)} penguins drawn, accuracy {metrics['accuracy']:.1%}")


def read_csv(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def restore(row, name, scaling):
    """Undo the standardising, to show millimetres."""
    return float(row[name]) * scaling[name]["deviation"] + scaling[name]["mean"]


def matrix(confusion, colours):
    """A square for every pair of species, the darker the more penguins."""
    cell, left, top = 90, 110, 60
    parts = [text(left + cell * len(confusion) / 2, 20, "predicted", "middle")]
    for j, name in enumerate(confusion):
        parts.append(text(left + cell * (j + 0.5), 45, name, "middle", colours[name]))
    for i, (actual, row) in enumerate(confusion.items()):
        y = top + cell * i
        parts.append(text(left - 12, y + cell / 2 + 5, actual, "end", colours[actual]))
        for j, count in enumerate(row.values()):
            x = left + cell * j
            share = count / max(1, sum(row.values()))
            ink = "#fff" if share > 0.5 else "#222"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 4}" height="{cell - 4}" rx="4"'
                f' fill="#1f4e79" fill-opacity="{0.06 + 0.94 * share:.2f}"/>'
            )
            parts.append(text(x + cell / 2 - 2, y + cell / 2 + 5, count, "middle", ink))
    return svg(left + cell * len(confusion), top + cell * len(confusion), parts)


def scatter(penguins, colours):
    """Flipper length across, bill length upward."""
    width, height, margin, right = 640, 400, 50, 620
    across = Axis([penguin[ACROSS] for penguin in penguins], margin, right, step=10)
    upward = Axis([penguin[UPWARD] for penguin in penguins], height - margin, 10, step=5)

    parts = []
    for value in across.ticks():
        x = across(value)
        parts.append(f'<path d="M{x:.1f} 10V{height - margin}" stroke="#ddd"/>')
        parts.append(text(x, height - margin + 18, value, "middle"))
    for value in upward.ticks():
        y = upward(value)
        parts.append(f'<path d="M{margin} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(text(margin - 8, y + 4, value, "end"))
    parts.append(text((margin + right) / 2, height - 10, "flipper length, mm", "middle"))
    parts.append(text(margin + 8, 24, "bill length, mm"))

    for penguin in penguins:
        fill, ring = colours[penguin["species"]], colours[penguin["predicted"]]
        parts.append(
            f'<circle cx="{across(penguin[ACROSS]):.1f}" cy="{upward(penguin[UPWARD]):.1f}" r="5"'
            f' fill="{fill}" fill-opacity="0.6" stroke="{ring}" stroke-width="2"/>'
        )
    for i, (name, colour) in enumerate(colours.items()):
        parts.append(text(right - 10, height - margin - 60 + 20 * i, name, "end", colour))
    return svg(width, height, parts)


class Axis:
    """Maps values to places between two ends, with room for whole steps."""

    def __init__(self, values, start, end, step):
        self.low = int(min(values) // step * step)
        self.high = int(-(-max(values) // step) * step)
        self.start, self.end, self.step = start, end, step

    def __call__(self, value):
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self):
        return range(self.low, self.high + 1, self.step)


def text(x, y, words, anchor="start", colour="#222"):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(str(words))}</text>"
    )


def svg(width, height, parts):
    body = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="img">'
        f"\n  {body}\n</svg>"
    )


if __name__ == "__main__":
    main()
