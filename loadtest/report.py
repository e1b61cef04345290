"""Numbers and tables for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SHOWN_FAULTS = 12


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: a value that was really measured."""
    if not values:
        raise ValueError("no values, no percentile")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))  # ceiling
    return ordered[int(rank) - 1]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(heads), *cells]) for column in range(len(heads))]
    lines = [_line(heads, widths), _line(["-" * width for width in widths], widths)]
    return "\n".join(lines + [_line(row, widths) for row in cells])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    placed = [_place(cell, width) for cell, width in zip(cells, widths, strict=True)]
    return "  ".join(placed).rstrip()


def _place(cell: str, width: int) -> str:
    is_number = cell.replace(".", "", 1).replace(",", "").lstrip("-").isdigit()
    return cell.rjust(width) if is_number else cell.ljust(width)


def shown_faults(faults: Sequence[str]) -> list[str]:
    """The first few; the history has them all."""
    more = [f"FAULT  ... and {len(faults) - _SHOWN_FAULTS} more"] if len(faults) > _SHOWN_FAULTS else []
    return [f"FAULT  {found}" for found in faults[:_SHOWN_FAULTS]] + more
