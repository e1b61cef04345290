"""Which code this process runs, for whoever compares nodes during an update."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

VERSION = "0.1.0"
_ROOT = Path(__file__).resolve().parents[1]
_SHOWN_CHARACTERS = 7


@cache
def code_version() -> str:
    """The release and a digest of the code itself, such as 0.1.0+3fa9c1d."""
    digest = hashlib.sha256()
    for folder in ("app", "worker"):
        for file in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(file.relative_to(_ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return f"{VERSION}+{digest.hexdigest()[:_SHOWN_CHARACTERS]}"
