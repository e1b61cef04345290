"""Every language is complete: each text of the code is translated, with its placeholders and plural forms."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg

from app.languages.catalogue import FOLDER, LANGUAGES, SOURCE, read_catalogue

ROOT = Path(__file__).parents[2]
PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|%)")
TAG = re.compile(r"<[^>]+>")
TRANSLATED = sorted(set(LANGUAGES) - {SOURCE})


@pytest.fixture(scope="session")
def texts_of_the_code() -> set[str | tuple[str, ...]]:
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = {**DEFAULT_KEYWORDS, "said": None}
    found = extract_from_dir(ROOT / "app", methods, options, keywords)
    return {message for _, _, message, _, _ in found}


@pytest.fixture(scope="session", params=TRANSLATED)
def catalogue(request: pytest.FixtureRequest) -> Catalog:
    return read_catalogue(request.param)


def messages(catalogue: Catalog) -> Iterator[tuple[Message, tuple[str, ...], tuple[str, ...]]]:
    for message in catalogue:
        if message.id:
            texts = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            yield message, texts, strings


def test_every_language_on_offer_has_a_catalogue_and_none_is_forgotten() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.po")) == TRANSLATED


def test_the_catalogue_holds_the_texts_of_the_code_and_nothing_else(
    catalogue: Catalog, texts_of_the_code: set[str | tuple[str, ...]]
) -> None:
    known = {message.id for message, _, _ in messages(catalogue)}
    # A text that is used alone and as a singular is one entry (gettext).
    singles = {text[0] for text in known if isinstance(text, tuple)}

    assert sorted(map(str, texts_of_the_code - known - singles)) == [], (
        "run `make messages` and translate these"
    )
    assert sorted(map(str, known - texts_of_the_code)) == [], "run `make messages`: these are gone"


def test_nothing_is_untranslated_or_only_guessed(catalogue: Catalog) -> None:
    bad = [message.id for message, _, strings in messages(catalogue) if message.fuzzy or not all(strings)]

    assert bad == []


def test_every_plural_form_is_there(catalogue: Catalog) -> None:
    wrong = [
        message.id
        for message, texts, strings in messages(catalogue)
        if len(strings) != (catalogue.num_plurals if len(texts) > 1 else 1)
    ]

    assert wrong == []


def test_placeholders_and_markup_survive_translation(catalogue: Catalog) -> None:
    wrong = [
        (string, text)
        for _, texts, strings in messages(catalogue)
        for number, string in enumerate(strings)
        for text in (texts[min(number, len(texts) - 1)],)
        if sorted(PLACEHOLDER.findall(string)) != sorted(PLACEHOLDER.findall(text))
        or sorted(TAG.findall(string)) != sorted(TAG.findall(text))
    ]

    assert wrong == []
