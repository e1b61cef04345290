"""gettext for the language that is meant now: of the page's reader, or of whom a mail is for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from app.languages.catalogue import SOURCE, translations

_meant: ContextVar[str] = ContextVar("language", default=SOURCE)


def language() -> str:
    """The language that is meant now; English unless somebody said otherwise."""
    return _meant.get()


def speak(language: str) -> None:
    """From now on, in this request or greenlet, texts are in this language."""
    _meant.set(language)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Texts within are in this language."""
    before = _meant.get()
    _meant.set(language)
    try:
        yield
    finally:
        _meant.set(before)


def _(message: str, **values: object) -> str:
    """The message in the language that is meant, with its %(name)s filled in."""
    text = translations(_meant.get()).gettext(message) if message else ""
    return text % values if values else text


def ngettext(singular: str, plural: str, num: int, **values: object) -> str:
    """The form that the language has for this number, which is %(num)s in it."""
    return plural_form(singular, plural, num) % {"num": num, **values}


def plural_form(singular: str, plural: str, num: int) -> str:
    """The form alone; a template fills it in itself."""
    return translations(_meant.get()).ngettext(singular, plural, num)


def N_(message: str) -> str:  # noqa: N802 - gettext's name for it
    """Marks a text of a table, which _() translates when it is shown."""
    return message


class Said(str):
    """An English sentence that remembers what it was made of, for whoever shows it in another language."""

    message: str
    values: dict[str, object]


def said(message: str, **values: object) -> Said:
    """The sentence as programs and stored answers have it."""
    sentence = Said(message % values)
    sentence.message, sentence.values = message, values
    return sentence


def translated(sentence: str) -> str:
    """What was marked or said elsewhere, in the language that is meant now."""
    if not isinstance(sentence, Said):
        return _(sentence)
    values = {
        name: translated(value) if isinstance(value, Said) else value
        for name, value in sentence.values.items()
    }
    return _(sentence.message, **values)


def listed(names: Sequence[str]) -> str:
    """B14 / B14 and B15 / B13, B14 and B15."""
    if len(names) < 2:
        return "".join(names)
    return _("%(first)s and %(last)s", first=", ".join(names[:-1]), last=names[-1])
