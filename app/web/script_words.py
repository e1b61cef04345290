"""The words of the scripts in the reader's language; the page carries them for `js/words.js`."""

from __future__ import annotations

import json
from functools import cache

from app.languages.catalogue import SOURCE, read_catalogue
from app.languages.texts import language


def script_words() -> str:
    """A JSON object from English to the reader's language; empty where that is English."""
    return "" if language() == SOURCE else _words(language())


@cache
def _words(of: str) -> str:
    return json.dumps(
        {
            message.id: message.string
            for message in read_catalogue(of)
            if any(file.endswith(".js") for file, _ in message.locations)
        },
        ensure_ascii=False,
    )
