"""Least squares, a row at a time.

Every row is turned by Givens rotations into a triangle, as in a QR decomposition. Nothing is squared, so nearly
dependent columns cost no more digits than they must. The rotations are the kind without square roots (Gentleman 1973):
the triangle has ones on its diagonal, and the sizes of its rows are kept apart.
"""

# A column of which less than this share (squared: 1e-7 of its length) is left is a combination of those before it.
DEPENDENT = 1e-14


class LeastSquares:
    """Finds the weights for which the sum over all rows of (row * weights - value)² is least."""

    def __init__(self, width):
        self.sizes = [0.0] * width
        self.triangle = [[0.0] * (width - 1 - i) for i in range(width)]  # what is right of the diagonal
        self.values = [0.0] * width
        self.lengths = [0.0] * width  # of the columns, squared

    def add(self, row, value):
        """Take in a row."""
        self.lengths = [length + x * x for length, x in zip(self.lengths, row)]
        weight = 1.0
        for i, size in enumerate(self.sizes):
            x, row = row[0], row[1:]
            if x == 0.0:
                continue
            self.sizes[i] = size + weight * x * x
            keep, take = size / self.sizes[i], weight * x / self.sizes[i]
            line = self.triangle[i]
            self.triangle[i] = [keep * a + take * b for a, b in zip(line, row)]
            row = [b - x * a for a, b in zip(line, row)]
            old = self.values[i]
            self.values[i] = keep * old + take * value
            value -= x * old
            weight *= keep
            if weight == 0.0:
                return

    def solve(self):
        """The weights, and the columns that depend on those before them; their weights are 0."""
        weights, dependent = [0.0] * len(self.sizes), []
        for i in reversed(range(len(weights))):
            if self.sizes[i] <= DEPENDENT * self.lengths[i]:
                dependent.insert(0, i)
                continue
            rest = sum(a * b for a, b in zip(self.triangle[i], weights[i + 1 :]))
            weights[i] = self.values[i] - rest
        return weights, dependent
