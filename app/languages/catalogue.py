"""The gettext catalogues, read from their .po files: nothing is compiled, so nothing can be stale."""

from __future__ import annotations

import io
from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

#: The language of the code; whoever has no catalogue reads this.
SOURCE = "en"
#: Every complete language, and its name for those who speak it.
LANGUAGES = {SOURCE: "English", "de": "Deutsch"}
FOLDER = Path(__file__).parent / "catalogues"


@cache
def translations(language: str) -> NullTranslations:
    """The texts of this language; read once per process."""
    if language == SOURCE:
        return NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, read_catalogue(language))
    compiled.seek(0)
    return Translations(compiled)


def read_catalogue(language: str) -> Catalog:
    """The catalogue as its translators see it."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def prepare() -> None:
    """Read every catalogue now, so that no reader waits for it."""
    for language in LANGUAGES:
        translations(language)


@cache
def direction(language: str) -> str:
    """ltr or rtl: which way its readers go."""
    return Locale.parse(language).text_direction
