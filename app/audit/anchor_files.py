"""Anchors kept outside of the database: whoever cuts the audit's tail there does not reach them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.audit.chain import Head

FILE = "anchors.jsonl"


def append_anchors(folder: Path, heads: Sequence[Head], at: str) -> None:
    """A line per chain. Copy the file elsewhere from time to time: it holds no personal data."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"node": h.node, "seq": h.seq, "hash": h.hash, "at": at}) + "\n" for h in heads]
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.writelines(lines)


def read_anchors(folder: Path) -> Iterator[Head]:
    """What was noted; a line that was being written when the machine died is passed over."""
    path = folder / FILE
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            noted = json.loads(line)
            yield Head(noted["node"], int(noted["seq"]), noted["hash"])
        except (ValueError, KeyError, TypeError):
            continue
