"""What is inside a letter: a call or its reply, as JSON with the stamps of the sender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from app.coordination.stamps import Stamp

PATH = "/internal/rpc/"
LARGEST_BODY_BYTES = 1 << 20


class Malformed(Exception):
    """The body is no call and no reply."""


@dataclass(frozen=True)
class Caller:
    """Who calls, under which id, and until when (of the receiver's Clock.elapsed()) an answer is of use."""

    node: str
    request: str
    deadline: float


@dataclass(frozen=True)
class Call:
    to: str
    request: str
    budget_ms: int
    payload: Any
    stamp: Stamp

    def encode(self) -> bytes:
        head = {"to": self.to, "id": self.request, "budget_ms": self.budget_ms}
        return orjson.dumps({**head, **self.stamp.document(), "payload": self.payload})

    @classmethod
    def decode(cls, body: bytes, sender: str) -> Call:
        """Raises Malformed."""
        found = _read(body)
        try:
            to, request, budget_ms = str(found["to"]), str(found["id"]), int(found["budget_ms"])
            return cls(to, request[:80], budget_ms, found["payload"], Stamp.of(found, sender))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed(repr(error)) from None


@dataclass(frozen=True)
class Reply:
    """The result, or why there is none; and when the call came and was answered by the receiver's clock."""

    request: str
    received_ms: float
    answered_ms: float
    stamp: Stamp
    result: Any = None
    code: str | None = None
    detail: str = ""

    def encode(self) -> bytes:
        outcome = {"result": self.result} if self.code is None else {"code": self.code, "detail": self.detail}
        times = {"received_ms": self.received_ms, "answered_ms": self.answered_ms}
        return orjson.dumps({"id": self.request, **times, **self.stamp.document(), **outcome})

    @classmethod
    def decode(cls, body: bytes, sender: str) -> Reply:
        """Raises Malformed."""
        found = _read(body)
        try:
            times = float(found["received_ms"]), float(found["answered_ms"])
            code, detail = found.get("code"), str(found.get("detail", ""))
            return cls(str(found["id"]), *times, Stamp.of(found, sender), found.get("result"), code, detail)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed(repr(error)) from None


def _read(body: bytes) -> dict[str, Any]:
    if len(body) > LARGEST_BODY_BYTES:
        raise Malformed("too large")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(str(error)) from None
    if not isinstance(found, dict):
        raise Malformed("not an object")
    return found
