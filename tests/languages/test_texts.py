"""Texts in the language that is meant, and days and sums as it writes them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.languages.catalogue import direction
from app.languages.days import decimal, long_day, money, short_day, spoken_day, zone_name
from app.languages.texts import _, language, listed, ngettext, said, speaking, translated


def test_a_text_follows_the_language_that_is_meant_and_the_old_one_returns() -> None:
    with speaking("de"):
        assert _("Today") == "Heute"
        with speaking("en"):
            assert _("Today") == "Today"
        assert language() == "de"

    assert _("Today") == "Today"


def test_a_text_nobody_translated_is_shown_in_english() -> None:
    with speaking("de"):
        assert _("Nobody ever translated %(what)s", what="this") == "Nobody ever translated this"


@pytest.mark.parametrize(("number", "words"), [(0, "0 Minuten"), (1, "1 Minute"), (5, "5 Minuten")])
def test_numbers_choose_their_form(number: int, words: str) -> None:
    with speaking("de"):
        assert ngettext("%(num)s minute", "%(num)s minutes", number) == words


def test_a_sentence_said_in_english_is_translated_where_it_is_shown() -> None:
    sentence = said("The doctor is away then: %(closure)s.", closure="100 % ill")

    assert sentence == "The doctor is away then: 100 % ill."
    with speaking("de"):
        assert translated(sentence) == "Die Praxis ist dann nicht besetzt: 100 % ill."


def test_names_are_listed() -> None:
    with speaking("de"):
        assert [listed(["B1"]), listed(["B1", "B2", "B3"])] == ["B1", "B1, B2 und B3"]


def test_days_are_said_as_people_say_them() -> None:
    day = date(2026, 12, 3)
    with speaking("de"):
        assert long_day(day) == "Donnerstag, 3. Dezember 2026"
        assert spoken_day(day) == "Donnerstag, 3. Dezember"
        assert short_day(day) == "Do 3. Dez"


def test_sums_and_numbers_follow_the_language() -> None:
    assert [money(1250, "EUR"), decimal(1234.5)] == ["€12.50", "1,234.5"]
    with speaking("de"):
        assert [money(1250, "EUR"), decimal(1234.5)] == ["12,50\N{NO-BREAK SPACE}€", "1.234,5"]


@pytest.mark.parametrize(
    ("zone", "name"), [("Europe/Berlin", "MEZ"), ("America/New_York", "EST"), ("Asia/Kathmandu", "+0545")]
)
def test_zones_have_their_german_name_where_there_is_one(zone: str, name: str) -> None:
    with speaking("de"):
        assert zone_name(datetime(2026, 12, 3, 9, tzinfo=UTC).astimezone(ZoneInfo(zone))) == name


def test_readers_from_right_to_left_are_known() -> None:
    assert [direction(each) for each in ("de", "en", "ar", "he")] == ["ltr", "ltr", "rtl", "rtl"]
