"""The shares of hello as one bar each: an SVG that needs nothing else."""

from __future__ import annotations

from html import escape

_ROW, _LEFT, _WIDTH = 26, 130, 520


def bars(shares: dict[str, float]) -> str:
    """100 % is hello itself."""
    longest = max([1.0, *shares.values()])
    height = _ROW * (len(shares) + 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + 70} {height}" '
        'font-family="sans-serif" font-size="13" role="img" aria-label="Rates as shares of hello">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for number, (name, share) in enumerate(shares.items()):
        top, width = _ROW * number + 8, _WIDTH * share / longest
        colour = "#9aa5b1" if name.startswith("hello") else "#2f6f4f"
        lines += [
            f'<text x="{_LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_ROW - 8}" fill="{colour}"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{top + 13}">{share:.0%}</text>',
        ]
    at = _LEFT + _WIDTH / longest
    lines.append(f'<path d="M{at:.1f} 0V{height}" stroke="#555" stroke-dasharray="3 3"/>')
    return "\n".join([*lines, "</svg>"]) + "\n"
