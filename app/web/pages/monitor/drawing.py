"""The geometry of small pictures, in the units of their view box; templates draw them as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

CURVE_WIDTH, CURVE_HEIGHT = 180.0, 40.0


@dataclass(frozen=True)
class Curve:
    """A line through samples, the newest at the right; `line` and `area` are points of a polyline."""

    line: str
    area: str
    #: Where the mark (such as a limit) lies; None when it is above the picture.
    mark_y: float | None
    highest: float


def curve(values: Sequence[float], least_top: float, mark: float | None = None, samples: int = 60) -> Curve:
    """Scaled so that the highest sample, or at least least_top, reaches the top."""
    highest = max(values, default=0.0)
    top = max(highest, least_top)
    step = CURVE_WIDTH / (samples - 1)
    start = CURVE_WIDTH - step * (len(values) - 1)
    points = [f"{start + step * i:.1f},{_y(value, top):.1f}" for i, value in enumerate(values)]
    line = " ".join(points)
    area = f"{start:.1f},{CURVE_HEIGHT} {line} {CURVE_WIDTH},{CURVE_HEIGHT}" if points else ""
    return Curve(line, area, None if mark is None or mark > top else round(_y(mark, top), 1), highest)


def _y(value: float, top: float) -> float:
    return CURVE_HEIGHT - 1 - (CURVE_HEIGHT - 2) * min(value / top, 1.0)


@dataclass(frozen=True)
class Place:
    """Where something stands on a circle; angles grow clockwise from the top."""

    x: float
    y: float


def on_circle(count: int, radius: float, centre: float) -> list[Place]:
    angles = [2 * math.pi * number / max(count, 1) for number in range(count)]
    return [
        Place(
            round(centre + radius * math.sin(angle), 1),
            round(centre - radius * math.cos(angle), 1),
        )
        for angle in angles
    ]


@dataclass(frozen=True)
class Arrow:
    """A straight line that keeps its distance from what it connects."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def middle(self) -> Place:
        return Place(round((self.x1 + self.x2) / 2, 1), round((self.y1 + self.y2) / 2, 1))


def arrow(start: Place, end: Place, gap: float, aside: float = 0.0) -> Arrow:
    """`aside` moves it to its left, so that two of opposite directions do not lie on each other."""
    length = math.hypot(end.x - start.x, end.y - start.y) or 1.0
    dx, dy = (end.x - start.x) / length, (end.y - start.y) / length
    ox, oy = dy * aside, -dx * aside
    return Arrow(
        round(start.x + dx * gap + ox, 1),
        round(start.y + dy * gap + oy, 1),
        round(end.x - dx * gap + ox, 1),
        round(end.y - dy * gap + oy, 1),
    )
