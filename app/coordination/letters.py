"""What cores tell each other over calls: read strictly, and what is long squeezed into one call."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import TypeVar

import orjson

from app.algorithms.wire import JSON, MalformedMessageError, pack
from app.coordination.rpc.errors import CallRefused

#: A letter that unpacks to more is none of ours.
LARGEST_BYTES = 32 << 20
Message = TypeVar("Message")


def understand(read: Callable[[JSON], Message], said: JSON) -> Message:
    """What `read` of app.algorithms.wire makes of a payload. Raises CallRefused."""
    try:
        return read(said)
    except MalformedMessageError as error:
        raise CallRefused("INVALID", str(error)[:200]) from None


class Puzzling(ValueError):
    """The letter cannot be read."""


def close_letter(message: object) -> str:
    """A message of a core."""
    return b64encode(zlib.compress(orjson.dumps(pack(message)), 3)).decode()


def open_letter(text: str, read: Callable[[JSON], Message]) -> Message:
    """What `read` of app.algorithms.wire makes of it. Raises Puzzling."""
    try:
        opener = zlib.decompressobj()
        content = opener.decompress(b64decode(text, validate=True), LARGEST_BYTES)
        if opener.unconsumed_tail or not opener.eof:
            raise Puzzling("too large, or cut off")
        return read(orjson.loads(content))
    except (ValueError, zlib.error, MalformedMessageError) as error:
        raise Puzzling(str(error)) from None
