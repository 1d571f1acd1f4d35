"""The lowest point of a smooth convex function, by limited-memory BFGS."""

import math
from collections import deque
from operator import mul

MEMORY = 12  # steps that the shape of the function is remembered from


class Minimum:
    """Where the search ended."""

    def __init__(self, point, value, slope, iterations, converged):
        self.point, self.value, self.slope = point, value, slope
        self.iterations, self.converged = iterations, converged


def minimise(function, point, tolerance, max_iterations, report=lambda *_: None):
    """Walk downhill from point until no slope is steeper than tolerance. function gives (value, gradient)."""
    value, gradient = function(point)
    steps = deque(maxlen=MEMORY)
    for iteration in range(max_iterations + 1):
        slope = max(map(abs, gradient))
        report(iteration, value, slope)
        if slope <= tolerance or iteration == max_iterations:
            return Minimum(point, value, slope, iteration, slope <= tolerance)
        direction = downhill(gradient, steps)
        found = search(function, point, value, gradient, direction, 1.0 if steps else min(1.0, 1.0 / slope))
        if found is None:  # rounding hides any further descent
            return Minimum(point, value, slope, iteration, slope <= 100 * tolerance)
        new_point, new_value, new_gradient = found
        step = [b - a for a, b in zip(point, new_point)]
        change = [b - a for a, b in zip(gradient, new_gradient)]
        curvature = dot(step, change)
        if curvature > 1e-14 * dot(change, change):
            steps.append((step, change, curvature))
        point, value, gradient = new_point, new_value, new_gradient
    raise AssertionError("the last iteration returns")


def downhill(gradient, steps):
    """The direction in which the remembered shape has its lowest point."""
    direction = [-g for g in gradient]
    shares = []
    for step, change, curvature in reversed(steps):
        share = dot(step, direction) / curvature
        direction = [d - share * c for d, c in zip(direction, change)]
        shares.append(share)
    if steps:
        step, change, curvature = steps[-1]
        scale = curvature / dot(change, change)
        direction = [scale * d for d in direction]
    for (step, change, curvature), share in zip(steps, reversed(shares)):
        rest = share - dot(change, direction) / curvature
        direction = [d + rest * s for d, s in zip(direction, step)]
    return direction


def search(function, point, value, gradient, direction, length):
    """A point in that direction that is low enough, or None."""
    fall = dot(gradient, direction)
    if not fall < 0:
        return None
    for _ in range(50):
        candidate = [p + length * d for p, d in zip(point, direction)]
        new_value, new_gradient = function(candidate)
        if new_value <= value + 1e-4 * length * fall + 1e-15 * abs(value):
            return candidate, new_value, new_gradient
        length /= 2
    return None


def dot(left, right):
    return math.fsum(map(mul, left, right))
