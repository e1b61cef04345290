"""Content lines of RFC 5545, written directly: a doctor's year is thousands of entries, and a library that
checks each property takes seconds for them, during which a node would serve nobody else.

Feeds came first; the entries of mails and downloads are written by it too, so that there is one writer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

LINE_OCTETS = 75
ENDS = "\r\n"


def text_value(text: str) -> str:
    """Section 3.3.11: what would end the value or the line is escaped."""
    escaped = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def quoted(text: str) -> str:
    """Section 3.2 and RFC 6868: a parameter's value, which knows no double quote."""
    return '"' + text.replace("^", "^^").replace('"', "'") + '"'


def instant(name: str, moment: datetime) -> str:
    """In UTC."""
    return f"{name}:{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def wall_time(name: str, moment: datetime, zone: str) -> str:
    """On the wall clock of the zone whose VTIMEZONE is in the file."""
    return f"{name};TZID={zone}:{moment:%Y%m%dT%H%M%S}"


def folded(lines: Iterable[str]) -> bytes:
    """Section 3.1: lines of at most 75 octets; what is longer goes on after a space, not within a letter."""
    return b"".join(_folded(line) for line in lines)


def _folded(line: str) -> bytes:
    if line.isascii():
        # What continues begins with a space, which counts.
        more = (
            line[start : start + LINE_OCTETS - 1] for start in range(LINE_OCTETS, len(line), LINE_OCTETS - 1)
        )
        return (f"{ENDS} ".join([line[:LINE_OCTETS], *more]) + ENDS).encode()
    parts: list[bytes] = []
    part = b""
    for letter in line:
        octets = letter.encode()
        if len(part) + len(octets) > LINE_OCTETS - bool(parts):
            parts.append(part)
            part = b""
        part += octets
    return b"\r\n ".join([*parts, part]) + ENDS.encode()
