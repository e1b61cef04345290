"""How much the way to a booking weighs, over the wire, for somebody who comes for the first time."""

from __future__ import annotations

import gzip
import re

from loadtest.bench.generator import get

_NAMED = re.compile(r'(?:href|src)="(/assets/[^"]+)"')


def flow_weight(base_url: str, doctor: str) -> float:
    """Kilobytes of the two pages before the form, with everything they load; each file once."""
    total, seen = 0, set[str]()
    for path in ("/", f"/doctors/{doctor}"):
        body, size = _fetch(base_url, path)
        total += size
        for asset in set(_NAMED.findall(body)) - seen:
            seen.add(asset)
            total += _fetch(base_url, asset)[1]
    return total / 1000


def _fetch(base_url: str, path: str) -> tuple[str, int]:
    """The text, and how many bytes it was compressed."""
    headers, raw = get(base_url, path, {"Accept-Encoding": "gzip"})
    text = gzip.decompress(raw) if headers.get("Content-Encoding") == "gzip" else raw
    return text.decode(errors="replace"), len(raw)
