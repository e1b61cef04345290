"""Takes a letter in and gives the reply: seal, time, addressee, deadline, once, method. No network here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import structlog
from pydantic_core import to_jsonable_python

from app.clock import Clock
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import PATH, Call, Caller, Malformed, Reply
from app.coordination.rpc.methods import Methods, OnceOnly
from app.coordination.rpc.seal import CALL, NONCE, REPLY, TIME, Doorkeeper, Forged, Letter, Seal, Untimely
from app.coordination.stamps import Stamper
from app.errors import Unavailable

LONGEST_CALL_MS = 30_000
#: HTTP's word for each refusal, for people who look at the wire.
STATUS = {
    "FORGED": 401,
    "UNTIMELY": 401,
    "MALFORMED": 400,
    "ANOTHER_NODE": 421,
    "EXPIRED": 408,
    "UNKNOWN_METHOD": 404,
    "INVALID": 422,
    "BUSY": 503,
    "UNAVAILABLE": 503,
    "FAILED": 500,
}
log = structlog.get_logger("rpc")


class Desk:
    """One per process that answers calls. Thread-safe."""

    def __init__(self, seal: Seal, methods: Methods, stamper: Stamper, clock: Clock) -> None:
        self._seal = seal
        self._methods = methods
        self._stamper = stamper
        self._clock = clock
        self._door = Doorkeeper(self._now_ms())
        self._once = OnceOnly()
        self.refused = 0  # Letters that were forged, untimely or unreadable; only grows.

    def answer(self, letter: Letter) -> tuple[int, Letter | None]:
        """A status and the sealed reply; no reply at all to somebody who has no key of ours."""
        received_ms = self._clock.now().timestamp() * 1000
        try:
            sender = self._seal.sender_of(CALL, letter)
            call = self._open(letter, sender)
        except Forged as forged:
            self.refused += 1
            log.warning("A call was refused.", reason=str(forged))
            return STATUS["FORGED"], None
        except CallRefused as error:
            self.refused += 1
            return self._reply(letter, "", received_ms, Outcome(None, error.code, error.detail))
        outcome = _outcome_of(lambda: self._execute(letter, sender, call))
        return self._reply(letter, call.request, received_ms, outcome)

    def _open(self, letter: Letter, sender: str) -> Call:
        try:
            self._door.admit(letter, self._now_ms())
            call = Call.decode(letter.body, sender)
        except Untimely as untimely:
            raise CallRefused("UNTIMELY", str(untimely)) from None
        except Malformed as malformed:
            raise CallRefused("MALFORMED", str(malformed)) from None
        if call.to != self._seal.node:
            raise CallRefused("ANOTHER_NODE", f"this is {self._seal.node}")
        return call

    def _execute(self, letter: Letter, sender: str, call: Call) -> Any:
        self._stamper.receive(call.stamp)
        # The sender counts in our clock: a call that lay in a socket while we were frozen is found out.
        age_ms = max(self._now_ms() - int(letter.headers[TIME]), 0)
        left = min(call.budget_ms, LONGEST_CALL_MS) - age_ms
        if left <= 0:
            raise CallRefused("EXPIRED", f"{-left} ms too late")
        now = self._clock.elapsed()
        caller = Caller(sender, call.request, now + left / 1000)
        method = letter.path.removeprefix(PATH)
        return self._once.run(
            sender,
            call.request,
            now,
            left / 1000,
            lambda: self._methods.run(method, call.payload, caller, left / 1000),
        )

    def _reply(
        self, letter: Letter, request: str, received_ms: float, outcome: Outcome
    ) -> tuple[int, Letter]:
        now_ms = self._clock.now().timestamp() * 1000
        reply = Reply(request, received_ms, now_ms, self._stamper.tick(), *outcome)
        sealed = self._seal.seal(REPLY, letter.path, reply.encode(), int(now_ms), letter.headers[NONCE])
        return (200 if outcome.code is None else STATUS.get(outcome.code, 409)), sealed

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


class Outcome(NamedTuple):
    result: Any = None
    code: str | None = None
    detail: str = ""


def _outcome_of(work: Callable[[], Any]) -> Outcome:
    try:
        return Outcome(to_jsonable_python(work()))
    except CallRefused as refused:
        return Outcome(None, refused.code, refused.detail)
    except TimeoutError:
        return Outcome(None, "BUSY", "no result within the deadline")
    except Unavailable as error:
        return Outcome(None, error.code, error.detail)
    except Exception:
        log.exception("A call from another node failed.")
        return Outcome(None, "FAILED", "the receiver's log says why")
