"""Where a page of a list ended: its last sort key, opaque to the caller and checked on return."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from app.errors import ValidationFailed
from app.web.paths import LARGEST_ID

SortKey = Sequence[str | int | datetime | UUID]


def write_cursor(key: SortKey) -> str:
    """The cursor that continues after this key."""
    return base64.urlsafe_b64encode(orjson.dumps(list(key), default=str)).decode().rstrip("=")


def read_cursor(cursor: str, kinds: Sequence[type]) -> tuple[object, ...]:
    """The sort key in the cursor, its parts of these kinds (str, int, datetime, UUID).

    Raises ValidationFailed when this list never gave such a cursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(values, list):
            raise TypeError("a cursor holds a list")
        return tuple(_as(kind, value) for kind, value in zip(kinds, values, strict=True))
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise ValidationFailed.of("cursor", "is not a cursor of this list") from None


def _as(kind: type, value: object) -> object:
    if kind is int:
        if type(value) is int and abs(value) <= LARGEST_ID:
            return value
    elif isinstance(value, str) and "\x00" not in value:
        return _from_text(kind, value)
    raise TypeError("another type was written into the cursor")


def _from_text(kind: type, text: str) -> object:
    if kind is not datetime:
        return kind(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant has an offset")
    return moment
