import unittest
from html.parser import HTMLParser

from pages import Plot, Scale, bars, confusion, facts, histogram, paragraph, shown, table, thinned, write_page
from trial import Trial

OPEN = {"meta", "html", "br"}  # tags that are left open


class Balance(HTMLParser):
    """Checks that every tag is closed, and keeps the text."""

    def __init__(self):
        super().__init__()
        self.stack, self.words = [], ""

    def handle_starttag(self, tag, attrs):
        if tag not in OPEN:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        if tag not in OPEN:
            assert self.stack.pop() == tag, tag

    def handle_data(self, data):
        self.words += data


class Pages(Trial):
    def test_a_page_is_whole_and_shows_texts_as_they_are(self):
        evil = '<script>"&'
        plot = Plot((0, 1), (0, 1), evil, evil).line([(0, 0), (1, 1)]).dots([(0.5, 0.5)]).columns([0, 1], [1])
        write_page(
            self.folder / "p.html", evil, paragraph(evil), facts([(evil, 1.5)]), table([evil], [[[evil, evil]]], best=0),
            confusion({evil: {evil: 1, "b": 0}, "b": {evil: 0, "b": 0}}), bars([(evil, 0.5)]),
            plot.legend([(evil, "#000")]).drawn(),
        )
        page = Balance()
        page.feed(self.read("p.html"))
        self.assertEqual(page.stack, [])
        self.assertNotIn("<script", self.read("p.html"))
        self.assertNotIn("http", self.read("p.html"))  # it needs nothing from outside
        self.assertGreaterEqual(page.words.count(evil), 8)

    def test_ticks_are_round(self):
        self.assertEqual(Scale(0, 1, 0, 100).ticks(), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
        self.assertEqual(Scale(-37, 212, 0, 100).ticks(), [0.0, 50.0, 100.0, 150.0, 200.0])
        self.assertTrue(Scale(5, 5, 0, 100).ticks())

    def test_numbers_are_shown_short(self):
        self.assertEqual([shown(v) for v in (1.0, 0.123456, 12345.6, 7, None, "x")], ["1", "0.1235", "1.235e+04", "7", "–", "x"])

    def test_every_value_is_in_a_histogram(self):
        for values in ([1.0], [1.0, 1.0], [0.0, 0.1, 0.2, 1.0], [float(i) for i in range(1000)]):
            edges, counts = histogram(values)
            self.assertEqual((sum(counts), len(edges)), (len(values), len(counts) + 1))

    def test_thinning_keeps_the_order_and_the_limit(self):
        self.assertEqual(thinned(list(range(10)), 5), [0, 2, 4, 6, 8])
        self.assertEqual(thinned([1, 2], 5), [1, 2])


if __name__ == "__main__":
    unittest.main()
