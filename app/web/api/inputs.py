"""The types requests are made of: strict, bounded, and safe to hand to the database.

Every request model derives from RequestModel. Use Line for one-line text, Paragraph for prose,
StrictInt for numbers in a body (plain int in a query, where all is text), ResourceId for numeric ids."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_snake

from app.web.api.cursors import read_cursor
from app.web.paths import LARGEST_ID

#: NUL and lone surrogates break PostgreSQL's text; other controls and direction marks forge what people read.
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
INSTANT_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*")
DAY_SHAPE = re.compile(r"\d{4}-\d{2}-\d{2}")
WALL_TIME_SHAPE = re.compile(r"\d{2}:\d{2}(:\d{2})?")
UUPHONE_SHAPE = re.compile(r"\+?[0-9][0-9 ()./-]{3,38}")
ID_SHAPE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PHONE_SHAPE = re.compile(r"\+?[0-9][0-9 ()./-]{3,38}")
ID_SHAPE = re.compile(r"[1-9][0-9]{0,18}")
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100
LARGEST_LIMIT = 100


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text or "\t" in text:
        raise ValueError("must be a single line")
    return text


def _plain_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _deliverable_form(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise ValueError("must be an e-mail address such as name@example.org") from None
    return (found.ascii_email or found.normalized).lower()


def _shaped(shape: re.Pattern[str], hint: str) -> BeforeValidator:
    """Refuse everything but a string of this shape, so that nothing is guessed from numbers."""

    def check(value: object) -> object:
        if not isinstance(value, str) or not shape.fullmatch(value):
            raise ValueError(f"must be text such as {hint}")
        return value

    return BeforeValidator(check)


def _utc_in_range(moment: datetime) -> datetime:
    _year_in_range(moment.year)
    return moment.astimezone(UTC)


def _day_in_range(day: date) -> date:
    _year_in_range(day.year)
    return day


def _year_in_range(year: int) -> None:
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise ValueError(f"must lie between the years {EARLIEST_YEAR} and {LATEST_YEAR}")


def _id_number(value: object) -> object:
    """Ids leave as strings and come back as strings or numbers."""
    if isinstance(value, str) and ID_SHAPE.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 1 <= value <= LARGEST_ID:
        raise ValueError("must be an id given by this API")
    return value


ID_SCHEMA = {"anyOf": [{"type": "string", "pattern": f"^{ID_SHAPE.pattern}$"}, {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}]}  # fmt: skip # noqa: E501
Line = Annotated[str, StringConstraints(strict=True, max_length=200), AfterValidator(_one_line)]
Paragraph = Annotated[str, StringConstraints(strict=True, max_length=2000), AfterValidator(_plain_newlines)]
PersonName = Annotated[
    str, StringConstraints(strict=True, min_length=2, max_length=100), AfterValidator(_one_line)
]
Email = Annotated[
    str,
    StringConstraints(strict=True, max_length=254),
    AfterValidator(_deliverable_form),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]
Phone = Annotated[
    str,
    _shaped(PHONE_SHAPE, "+49 30 1234567"),
    WithJsonSchema({"type": "string", "pattern": f"^{PHONE_SHAPE.pattern}$"}),
]
Instant = Annotated[
    AwareDatetime,
    _shaped(INSTANT_SHAPE, "2026-11-20T09:30:00+01:00"),
    AfterValidator(_utc_in_range),
]
Day = Annotated[date, _shaped(DAY_SHAPE, "2026-11-20"), AfterValidator(_day_in_range)]
WallTime = Annotated[
    time,
    _shaped(WALL_TIME_SHAPE, "09:30"),
    WithJsonSchema({"type": "string", "pattern": f"^{WALL_TIME_SHAPE.pattern}$"}),
]
Uuid = Annotated[UUID, _shaped(UUID_SHAPE, "0190163d-8694-739b-aea5-966c26f8ad91")]
ResourceId = Annotated[int, BeforeValidator(_id_number), WithJsonSchema(ID_SCHEMA)]


class RequestModel(BaseModel):
    """What a caller may send: nothing unknown, snake_case or camelCase, no control characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _accept_camel_case(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        renamed: dict[str, Any] = {}
        for name, value in data.items():
            snake = name if name in cls.model_fields else to_snake(name)
            # Given in both spellings: the camelCase one stays and is refused as unknown.
            known = (
                snake in cls.model_fields and snake not in renamed and (snake == name or snake not in data)
            )
            renamed[snake if known else name] = value
        return renamed

    @field_validator("*", mode="before")
    @classmethod
    def _trim_and_refuse_controls(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if FORBIDDEN.search(value):
            raise ValueError("must not contain control characters")
        return value.strip()


class PageQuery(RequestModel):
    """The part of a list that is asked for; filters are added by deriving from it."""

    limit: int = Field(50, ge=1, le=LARGEST_LIMIT)
    cursor: Annotated[str, StringConstraints(max_length=600)] | None = None

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """The sort key after which the page begins; None on the first page.

        Raises ValidationFailed when the cursor is none of this list's."""
        return None if self.cursor is None else read_cursor(self.cursor, kinds)
