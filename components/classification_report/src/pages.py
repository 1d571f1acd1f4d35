"""Reports: one HTML page that needs nothing else, with its charts drawn in it as SVG."""

import math
from html import escape
from pathlib import Path

# Told apart by colour-blind eyes too, on white and on black.
COLOURS = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#b8a600", "#888888"]

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #656d76; --line: #d8dee4; --card: #f6f8fa; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9198a1; --line: #30363d; --card: #161b22; --page: #0d1117; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
       max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.facts { display: flex; flex-wrap: wrap; gap: .6rem; padding: 0; list-style: none; }
.facts li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .5rem .9rem; }
.facts b { display: block; font-size: 1.25rem; } .facts span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
.figure { text-align: right; } tr.best td { font-weight: 600; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); } svg .light { fill: #fff; } svg .grid { stroke: var(--line); fill: none; }
"""


def write_page(path, title, *parts):
    """Write a page of these pieces of HTML."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</html>\n",
        encoding="utf-8",
    )


def heading(words):
    return f"<h2>{escape(words)}</h2>"


def paragraph(words):
    return f"<p>{escape(words)}</p>"


def facts(pairs):
    """The figures that matter, each with its name."""
    items = (f"<li><b>{escape(shown(value))}</b><span>{escape(name)}</span></li>" for name, value in pairs)
    return f'<ul class="facts">{"".join(items)}</ul>'


def table(header, rows, best=None):
    """A table; the row with number best stands out. A cell may be a list, of lines."""
    figures = [any(isinstance(row[i], (int, float)) for row in rows) for i in range(len(header))]
    marks = [' class="figure"' if figure else "" for figure in figures]
    lines = ["<tr>" + "".join(f"<th{mark}>{escape(name)}</th>" for name, mark in zip(header, marks)) + "</tr>"]
    for i, row in enumerate(rows):
        cells = (f"<td{mark}>{lines_of(cell)}</td>" for cell, mark in zip(row, marks))
        lines.append(("<tr class=\"best\">" if i == best else "<tr>") + "".join(cells) + "</tr>")
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"


def lines_of(cell):
    return "<br>".join(escape(shown(line)) for line in (cell if isinstance(cell, list) else [cell]))


def shown(value):
    """A value as people read it: four digits of a number that is not whole."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else format(value, ".4g")
    return str(value)


def confusion(counts):
    """A square for each pair of classes, the darker the more of its row."""
    names = list(counts)
    cell, top = 78, 56
    left = 24 + 7 * min(22, max(len(name) for name in names))
    parts = [label(left + cell * len(names) / 2, 16, "predicted", "middle", "soft")]
    for j, name in enumerate(names):
        parts.append(label(left + cell * (j + 0.5), 42, short(name, 11), "middle", title=name))
    for i, actual in enumerate(names):
        y, total = top + cell * i, sum(counts[actual].values())
        parts.append(label(left - 10, y + cell / 2 + 4, short(actual, 22), "end", title=actual))
        for j, guess in enumerate(names):
            number, share = counts[actual][guess], counts[actual][guess] / max(1, total)
            colour = COLOURS[0] if i == j else COLOURS[3]
            ink = "light" if share > 0.5 else ""
            parts.append(
                f"<g><title>{escape(f'{actual} taken for {guess}: {number} of {total}')}</title>"
                f'<rect x="{left + cell * j:.1f}" y="{y}" width="{cell - 4}" height="{cell - 4}" rx="5"'
                f' fill="{colour}" fill-opacity="{0.06 + 0.84 * share:.3f}"/>'
                + label(left + cell * (j + 0.5) - 2, y + cell / 2 + 1, number, "middle", ink)
                + (label(left + cell * (j + 0.5) - 2, y + cell / 2 + 18, f"{share:.0%}", "middle", ink or "soft") if total else "")
                + "</g>"
            )
    return svg(left + cell * len(names), top + cell * len(names), parts)


def bars(rows, low=0.0, high=None):
    """A bar for each (name, value)."""
    left, width, step = 24 + 7 * min(28, max(len(name) for name, _ in rows)), 380, 28
    high = high if high is not None else max([value for _, value in rows] + [low + 1e-300])
    parts = []
    for i, (name, value) in enumerate(rows):
        y = 6 + step * i
        length = width * min(1.0, max(0.0, (value - low) / (high - low)))
        parts.append(label(left - 10, y + 15, short(name, 28), "end", title=name))
        parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="20" rx="3" fill="{COLOURS[0]}"/>')
        parts.append(label(left + length + 8, y + 15, shown(value)))
    return svg(left + width + 80, 12 + step * len(rows), parts)


class Plot:
    """A chart with two axes, that lines and points are drawn into."""

    def __init__(self, across, upward, x_name, y_name, width=560, height=380):
        self.width, self.height = width, height
        self.left, self.right, self.top, self.bottom = 62, width - 14, 14, height - 46
        self.x, self.y = Scale(*across, self.left, self.right), Scale(*upward, self.bottom, self.top)
        self.parts = []
        for value in self.x.ticks():
            self.parts.append(f'<path class="grid" d="M{self.x(value):.1f} {self.top}V{self.bottom}"/>')
            self.parts.append(label(self.x(value), self.bottom + 18, shown(value), "middle", "soft"))
        for value in self.y.ticks():
            self.parts.append(f'<path class="grid" d="M{self.left} {self.y(value):.1f}H{self.right}"/>')
            self.parts.append(label(self.left - 8, self.y(value) + 4, shown(value), "end", "soft"))
        self.parts.append(label((self.left + self.right) / 2, height - 8, x_name, "middle"))
        middle = (self.top + self.bottom) / 2
        self.parts.append(
            f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(y_name)}</text>'
        )

    def line(self, points, colour=COLOURS[0], dashed=False):
        path = "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        return self

    def dots(self, points, colour=COLOURS[0]):
        for x, y in points:
            self.parts.append(
                f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" fill="{colour}" fill-opacity="0.55"/>'
            )
        return self

    def columns(self, edges, counts, colour=COLOURS[0]):
        for low, high, number in zip(edges, edges[1:], counts):
            x, y = self.x(low), self.y(number)
            self.parts.append(
                f"<g><title>{shown(float(low))} to {shown(float(high))}: {number}</title>"
                f'<rect x="{x + 0.5:.1f}" y="{y:.1f}" width="{max(0.5, self.x(high) - x - 1):.1f}"'
                f' height="{self.bottom - y:.1f}" fill="{colour}" fill-opacity="0.8"/></g>'
            )
        return self

    def legend(self, names):
        """The names of what was drawn, as (name, colour), in the lower right corner."""
        for i, (name, colour) in enumerate(names):
            y = self.bottom - 14 - 18 * (len(names) - 1 - i)
            self.parts.append(f'<rect x="{self.right - 14}" y="{y - 9}" width="10" height="10" rx="2" fill="{colour}"/>')
            self.parts.append(label(self.right - 20, y, short(name, 36), "end", title=name))
        return self

    def drawn(self):
        return svg(self.width, self.height, self.parts)


class Scale:
    """Where a value stands between two places on the page."""

    def __init__(self, low, high, begin, end):
        if not low < high:  # all values are the same one
            low, high = low - 0.5 * max(1.0, abs(low)), high + 0.5 * max(1.0, abs(high))
        self.low, self.high, self.begin, self.end = low, high, begin, end

    def __call__(self, value):
        return self.begin + (self.end - self.begin) * ((value - self.low) / (self.high - self.low))

    def ticks(self):
        """Some five round values between the ends."""
        rough = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [float(format(i * step, ".10g")) for i in range(first, last + 1)]


def spread(values, room=0.04):
    """The range that shows all values, with a little room."""
    low, high = min(values), max(values)
    return low - room * (high - low), high + room * (high - low)


def histogram(values, most=30):
    """Edges and counts of columns of the same width, some more for more values."""
    low, high = min(values), max(values)
    number = 1 if low == high else min(most, max(5, math.ceil(math.sqrt(len(values)))))
    width = (high - low) / number or 1.0
    counts = [0] * number
    for value in values:
        counts[min(number - 1, int((value - low) / width))] += 1
    return [low + width * i for i in range(number + 1)], counts


def thinned(items, most):
    """At most so many of the items, evenly from the first to the last."""
    if len(items) <= most:
        return items
    return [items[i * len(items) // most] for i in range(most)]


def label(x, y, words, anchor="start", kind="", title=""):
    kind = f' class="{kind}"' if kind else ""
    title = f"<title>{escape(title)}</title>" if title and title != str(words) else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{kind}>{escape(str(words))}{title}</text>'


def short(words, most):
    return words if len(words) <= most else words[: most - 1] + "…"


def svg(width, height, parts):
    return f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">\n' + "\n".join(parts) + "\n</svg>"
