"""Posters drawn by us from a number: the same number, the same poster. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

WIDTH, HEIGHT = 200, 300
LONGEST_LINE = 13
#: Sky, far, near, light: four colours that go together on paper and on a dark page.
PALETTES = (
    ("#10312b", "#1d5a4c", "#0b2420", "#f1c66d"),
    ("#4a1d12", "#a8431f", "#2a0f09", "#f6dfb8"),
    ("#1c2746", "#3d5a98", "#10182e", "#f2a282"),
    ("#3a1f3d", "#7a4371", "#221024", "#f3d1a0"),
    ("#20301a", "#5d7a2f", "#141f10", "#fbeec9"),
    ("#12303d", "#2d7d8a", "#0a1c25", "#f8e4d8"),
)


@dataclass(frozen=True)
class Shape:
    """One filled path of the picture."""

    path: str
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Poster:
    name: str
    sky: str
    ink: str
    shapes: tuple[Shape, ...]
    lines: tuple[str, ...]

    @property
    def size(self) -> int:
        """Of the letters: the longest line decides."""
        return min(25, 250 // max(len(line) for line in self.lines))


def poster_of(seed: int, title: str) -> Poster:
    dice = random.Random(seed)  # noqa: S311 - a picture, no secret
    sky, far, near, light = dice.choice(PALETTES)
    draw = dice.choice(MOTIFS)
    shapes = draw(dice, far, near, light)
    return Poster(f"poster-{seed}", sky, light, tuple(shapes), _lines(title))


def _lines(title: str) -> tuple[str, ...]:
    """The title in lines that fit across, three at most."""
    lines: list[str] = []
    for word in title.split():
        if lines and len(lines[-1]) + len(word) < LONGEST_LINE:
            lines[-1] += f" {word}"
        else:
            lines.append(word[:LONGEST_LINE])
    return tuple(lines[:3])


def _circle(x: float, y: float, r: float) -> str:
    return f"M{x - r:.1f} {y:.1f}a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {-2 * r:.1f} 0z"


def _hills(dice: random.Random, far: str, near: str, light: str) -> list[Shape]:
    sun = Shape(_circle(dice.uniform(50, 150), dice.uniform(60, 110), dice.uniform(26, 44)), light)
    return [sun, Shape(_ridge(dice, 150, 36), far), Shape(_ridge(dice, 205, 28), near)]


def _ridge(dice: random.Random, height: float, roughness: float) -> str:
    points = [(x, height + dice.uniform(-roughness, roughness)) for x in range(0, WIDTH + 1, 40)]
    return "M0 300L" + "L".join(f"{x} {y:.1f}" for x, y in points) + f"L{WIDTH} 300z"


def _rings(dice: random.Random, far: str, near: str, light: str) -> list[Shape]:
    x, y = dice.uniform(70, 130), dice.uniform(90, 130)
    radii = [110 - 18 * number + dice.uniform(-4, 4) for number in range(6)]
    return [Shape(_circle(x, y, r), (far, near, light)[index % 3]) for index, r in enumerate(radii)]


def _city(dice: random.Random, far: str, near: str, light: str) -> list[Shape]:
    moon = Shape(_circle(dice.uniform(40, 160), dice.uniform(45, 80), dice.uniform(14, 24)), light)
    return [moon, Shape(_towers(dice, 120, 190), far), Shape(_towers(dice, 190, 225), near)]


def _towers(dice: random.Random, low: float, high: float) -> str:
    path, x = "M0 300", 0.0
    while x < WIDTH:
        width = dice.uniform(16, 34)
        path += f"V{dice.uniform(low, high):.1f}H{min(x + width, WIDTH):.1f}"
        x += width
    return path + "V300z"


def _waves(dice: random.Random, far: str, near: str, light: str) -> list[Shape]:
    boat_x = dice.uniform(60, 140)
    sail = Shape(f"M{boat_x:.1f} 70v74h-38zM{boat_x + 4:.1f} 84v60h28z", light)
    hull = Shape(f"M{boat_x - 44:.1f} 150h82l-16 18h-50z", near)
    return [sail, hull, *(Shape(_wave(dice, 168 + 30 * n), (far, near)[n % 2]) for n in range(4))]


def _wave(dice: random.Random, y: float) -> str:
    lift = dice.uniform(10, 18)
    crests = "".join(f"q20 {-lift:.1f} 40 0t40 0" for _ in range(3))
    return f"M-20 {y}{crests}V300H-20z"


def _rays(dice: random.Random, far: str, near: str, light: str) -> list[Shape]:
    x, y = dice.uniform(60, 140), dice.uniform(190, 230)
    beams = [
        f"M{x:.1f} {y:.1f}L{at} 0h{dice.randint(12, 22)}z" for at in range(-60, WIDTH + 60, 38)
    ]  # as from a projector
    return [Shape("".join(beams), far), Shape(_circle(x, y, 46), near), Shape(_circle(x, y, 18), light)]


def _path(dice: random.Random, far: str, near: str, light: str) -> list[Shape]:
    bend = dice.uniform(-50, 50)
    road = f"M70 300Q{100 + bend:.1f} 210 96 150h8Q{120 + bend:.1f} 210 150 300z"
    sun = Shape(_circle(100, 150, dice.uniform(34, 52)), light)
    return [sun, Shape(f"M0 150h{WIDTH}v150H0z", far), Shape(road, near), Shape(_trees(dice), near, 0.85)]


def _trees(dice: random.Random) -> str:
    places = [dice.uniform(4, 60) for _ in range(4)] + [dice.uniform(140, 190) for _ in range(4)]
    return "".join(f"M{x:.1f} 156l-9 {dice.uniform(26, 44):.1f}h18z" for x in places)


MOTIFS: tuple[Callable[[random.Random, str, str, str], list[Shape]], ...] = (
    _hills, _rings, _city, _waves, _rays, _path,
)  # fmt: skip
