"""Pages of a list: complete, without repetition, and a cursor nobody can abuse."""

import base64
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.errors import ValidationFailed
from app.web.api.cursors import read_cursor, write_cursor
from tests.web.sample import NAMES

KINDS = (str, int, datetime, UUID)
printable = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=50)


@given(
    printable,
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)
def test_a_sort_key_comes_back_as_it_was(text, number, moment, identity):
    key = (text, number, moment, identity)

    assert read_cursor(write_cursor(key), KINDS) == key


@given(st.text(max_size=200))
@example("=")
@example("W10")
@example("bnVsbA")
def test_a_text_that_is_no_cursor_is_refused(text):
    with pytest.raises(ValidationFailed):
        read_cursor(text, KINDS)


@pytest.mark.parametrize(
    "content", [b'["a"]', b'["a", 1, 2]', b'["a", "1"]', b'[1, 1]', b'["a", 99999999999999999999]',
                b'["a", true]', b'["\\u0000", 1]', b'{"a": 1}', b"5", b"[" * 2000],
)  # fmt: skip
def test_a_cursor_of_another_shape_is_refused(content):
    with pytest.raises(ValidationFailed):
        read_cursor(base64.urlsafe_b64encode(content).decode(), (str, int))


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_following_the_cursors_shows_everything_once(sample, limit):
    seen, cursor = [], ""
    while cursor is not None:
        answer = sample.get(f"/api/sample?limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        seen += [each["name"] for each in answer.json["data"]]
        cursor = answer.json["page"]["next_cursor"]

    assert seen == NAMES


def test_a_cursor_has_no_character_that_a_url_would_change():
    cursor = write_cursor(("??>>~~\u00ff", 1))

    assert cursor.replace("-", "").replace("_", "").isalnum()
