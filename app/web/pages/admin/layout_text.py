"""A hall layout as an admin types it: a zone with its price in brackets, below it the rows as they look.

    [Stalls 12.50]
    A    wc_######
    B-F  ##_######

Pure; write_layout() is what read_layout() reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from app.directory.layouts import LONGEST_LABEL, HallRow, Layout, Zone
from app.languages.texts import N_, said

BEGIN = N_("Line %(number)s: begin with a zone and its price, such as [Stalls 12.50]")
DRAW = N_("Line %(number)s: write a row as its letter and its seats, such as A wc_####")
ZONE = re.compile(r"\[\s*(?P<name>[^\[\]]{1,40}?)\s+(?P<whole>\d{1,5})(?:[.,](?P<cents>\d\d))?\s*\]")
ROWS = re.compile(r"(?P<first>[^\s\[\]#_-]+)(?:-(?P<last>[A-Z]))?\s+(?P<seats>[#wc_]+)")
MOST_CHARACTERS = 10_000


@dataclass
class LayoutText:
    """What was typed as a layout, and what is wrong with it, line by line."""

    layout: Layout
    wrong: list[str] = field(default_factory=list)


def read_layout(text: str) -> LayoutText:
    """The layout as far as it can be read; check_layout() judges the whole."""
    zones: list[Zone] = []
    rows: list[HallRow] = []
    wrong: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line:
            continue
        if zone := ZONE.fullmatch(line):
            zones.append(Zone(zone["name"], int(zone["whole"]) * 100 + int(zone["cents"] or 0)))
        elif not zones:
            wrong.append(said(BEGIN, number=number))
        elif (drawn := ROWS.fullmatch(line)) and (labels := list(_labels(drawn["first"], drawn["last"]))):
            rows += [HallRow(label, zones[-1].name, drawn["seats"]) for label in labels]
        else:
            wrong.append(
                said(
                    "Line %(number)s: write a row as its letter and its seats, such as A wc_####",
                    number=number,
                )
            )
    return LayoutText(Layout(tuple(zones), tuple(rows)), wrong)


def write_layout(layout: Layout) -> str:
    """The layout as text; neighbouring rows that look the same become one line."""
    prices = {zone.name: zone.price_cents for zone in layout.zones}
    lines: list[str] = []
    for zone, rows in groupby(layout.rows, key=lambda row: row.zone):
        lines.append(f"[{zone} {prices[zone] // 100}.{prices[zone] % 100:02}]")
        for run in _runs(list(rows)):
            label = run[0].label if len(run) == 1 else f"{run[0].label}-{run[-1].label}"
            lines.append(f"{label:<4} {run[0].seats}")
    return "\n".join(lines)


def _labels(first: str, last: str | None) -> Iterator[str]:
    """A to C is A, B, C; nothing for what is no range."""
    if last is None:
        if len(first) <= LONGEST_LABEL:
            yield first
        return
    if len(first) == 1 and "A" <= first <= last:
        yield from map(chr, range(ord(first), ord(last) + 1))


def _runs(rows: Sequence[HallRow]) -> Iterator[list[HallRow]]:
    """Rows that follow each other by letter and look the same."""
    run: list[HallRow] = []
    for row in rows:
        if run and not _follows(run[-1], row):
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _follows(before: HallRow, row: HallRow) -> bool:
    letters = (before.label, row.label)
    is_next = all(len(letter) == 1 and "A" <= letter <= "Z" for letter in letters)
    return is_next and ord(row.label) == ord(before.label) + 1 and row.seats == before.seats
