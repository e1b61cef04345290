"""The types of single fields: strict, bounded, and safe to hand to the database.

Line is one line of text, Paragraph prose; Instant an aware datetime in UTC; ResourceId one of our
numeric ids. For numbers take StrictInt in a body, plain int in a query, where all is text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints, WithJsonSchema

from app.accounts.addresses import normal_address
from app.web.paths import LARGEST_ID

DAY_SHAPE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
INSTANT_SHAPE = DAY_SHAPE + r"[Tt ][0-9]{2}:[0-9]{2}.*"
WALL_TIME_SHAPE = r"[0-9]{2}:[0-9]{2}(:[0-9]{2})?"
UUID_SHAPE = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
PHONE_SHAPE = r"\+?[0-9][0-9 ()./-]{3,38}"
ID_SHAPE = r"[1-9][0-9]{0,18}"
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100
YEARS = "^(20[0-9]{2}|2100)-"


def _shaped(shape: str, hint: str) -> BeforeValidator:
    """Refuse everything but a string of this shape, so that nothing is guessed from numbers."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not re.fullmatch(shape, value):
            raise ValueError(f"must be text such as {hint}")
        return value

    return BeforeValidator(check)


def _documented(shape: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{shape}$"})


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text or "\t" in text:
        raise ValueError("must be a single line")
    return text


def _plain_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _utc_in_range(moment: datetime) -> datetime:
    """At the edges of the calendar a conversion to UTC overflows."""
    _check_year(moment.year)
    return moment.astimezone(UTC)


def _day_in_range(day: date) -> date:
    _check_year(day.year)
    return day


def _check_year(year: int) -> None:
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise ValueError(f"must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")


def _id_number(value: object) -> object:
    """Ids leave as strings and come back as strings or numbers."""
    if isinstance(value, str) and re.fullmatch(ID_SHAPE, value):
        value = int(value)
    if type(value) is not int or not 1 <= value <= LARGEST_ID:
        raise ValueError("must be an id given by this API")
    return value


ID_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": f"^{ID_SHAPE}$"},
        {"type": "integer", "minimum": 1, "maximum": LARGEST_ID},
    ]
}
Line = Annotated[str, StringConstraints(strict=True, max_length=200), AfterValidator(_one_line)]
Paragraph = Annotated[str, StringConstraints(strict=True, max_length=2000), AfterValidator(_plain_newlines)]
PersonName = Annotated[
    str, StringConstraints(strict=True, min_length=2, max_length=100), AfterValidator(_one_line)
]
Email = Annotated[
    str,
    StringConstraints(strict=True, max_length=254),
    AfterValidator(normal_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
Phone = Annotated[str, _shaped(PHONE_SHAPE, "+49 30 1234567"), _documented(PHONE_SHAPE)]
Instant = Annotated[
    AwareDatetime,
    _shaped(INSTANT_SHAPE, "2026-11-20T09:30:00+01:00"),
    AfterValidator(_utc_in_range),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": YEARS}),
]
Day = Annotated[
    date,
    _shaped(DAY_SHAPE, "2026-11-20"),
    AfterValidator(_day_in_range),
    WithJsonSchema({"type": "string", "format": "date", "pattern": YEARS}),
]
WallTime = Annotated[time, _shaped(WALL_TIME_SHAPE, "09:30"), _documented(WALL_TIME_SHAPE)]
Uuid = Annotated[UUID, _shaped(UUID_SHAPE, "0190163d-8694-739b-aea5-966c26f8ad91")]
ResourceId = Annotated[int, BeforeValidator(_id_number), WithJsonSchema(ID_SCHEMA)]
