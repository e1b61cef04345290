"""Text that strangers typed, made safe to stand in a header or a greeting."""

from __future__ import annotations

import re
import unicodedata

#: Line and paragraph ends, control characters, lone surrogates.
BREAKING = {"Cc", "Cs", "Zl", "Zp"}
#: They reorder what a person reads; "gro.elpmaxe" could be shown as "example.org".
REORDERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINK = re.compile(r"[/\\@:]|\w\.\w{2,}")


def one_line(text: str) -> str:
    """The text on one line, without characters that could end a header or reorder what is read."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = (
        " " if unicodedata.category(letter) in BREAKING else letter
        for letter in text
        if letter not in REORDERING
    )
    return " ".join("".join(kept).split())


def name_to_greet(name: str | None) -> str | None:
    """The name, unless it smells of a link: anybody can make us write to anybody, so we carry no spam."""
    name = one_line(name or "")
    return None if not name or LINK.search(name) else name
