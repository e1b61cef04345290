"""From calls to operations: all calls under one Idempotency-Key are one operation on each slot they touch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from loadtest.history import Entry, Outcome


class Act(StrEnum):
    """What an operation does to one slot."""

    HOLD = "hold"
    BOOK = "book"
    EXTEND = "extend"
    CONFIRM = "confirm"
    RELEASE = "release"
    CANCEL = "cancel"
    #: The two halves of a reschedule.
    LEAVE = "leave"
    ARRIVE = "arrive"
    #: Who owns the slot, as the final state tells it.
    READ = "read"


#: A refusal because of other slots of the same call tells nothing of this one.
_ANOTHER_WAS_LOST = "ANOTHER_WAS_LOST"
CLAIMS = frozenset({Act.HOLD, Act.BOOK, Act.ARRIVE})

#: The calls that act on slots or tell who owns one; everything else in a history is reading for people.
_ACTS = {
    **{act.value: act for act in Act},
    # An interval appointment books the slot that was made for it, "best" the seats that were chosen.
    "appointment": Act.BOOK,
    "best": Act.BOOK,
    "add": Act.HOLD,
    "drop": Act.RELEASE,
}
ACTING = frozenset(_ACTS) - {Act.LEAVE, Act.ARRIVE} | {"reschedule"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing one client wanted of one slot, its effect somewhere between start and end."""

    act: Act
    slot: str
    start: float
    end: float
    out: Outcome
    booking: str | None = None
    reason: str | None = None
    #: How long a hold lives, by the answer that granted it; None leaves it to the checker's allowances.
    ttl_seconds: float | None = None
    fence: int | None = None
    ops: tuple[str, ...] = ()

    def __str__(self) -> str:
        end = "never" if math.isinf(self.end) else f"{self.end:.3f}"
        told = self.reason or self.out
        return (
            f"[{self.start:.3f}..{end}] {self.act} by {self.booking or '?'}: {told} ({', '.join(self.ops)})"
        )


def operations_of(entries: Iterable[Entry]) -> list[Operation]:
    """The operations a history tells of, in the order of their starts."""
    calls: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in entries:
        if entry.f in ACTING:
            for of_slot in _one_slot_each(entry):
                calls.setdefault((entry.f, entry.key or entry.op, of_slot.slot or ""), []).append(of_slot)
    operations = [operation for group in calls.values() for operation in _operations_of_key(group)]
    return sorted(operations, key=lambda operation: operation.start)


def _one_slot_each(call: Entry) -> Iterator[Entry]:
    """A call for several slots as one call for each."""
    if not call.slots:
        if call.slot is not None:
            yield call
        return
    for slot in call.slots:
        is_unsaid = bool(call.lost) and slot not in call.lost
        yield replace(
            call,
            slot=slot,
            slots=(),
            code=_ANOTHER_WAS_LOST if is_unsaid else call.code,
            reason=call.lost.get(slot, call.reason),
            fence=call.fences.get(slot),
        )


def _operations_of_key(calls: list[Entry]) -> list[Operation]:
    """A first definite answer settles the operation: its effect lies before that answer."""
    settled = [call for call in calls if call.out is not Outcome.INFO and call.t_ret is not None]
    start = min(call.t_inv for call in calls)
    if not settled:
        return _halves(calls[0], start, math.inf)
    answer = min(settled, key=lambda call: call.t_ret or math.inf)
    if answer.out is Outcome.FAIL and not _tells_of_slot(answer):
        return []
    return _halves(answer, start, answer.t_ret or math.inf)


def _tells_of_slot(refusal: Entry) -> bool:
    """Whether a refusal speaks of the slot's state: "not found" or "extended too often" does not."""
    if refusal.f == "extend":
        return refusal.code == "HOLD_EXPIRED"
    return refusal.code in ("BOOKING_CONFLICT", "HOLD_EXPIRED")


def _halves(call: Entry, start: float, end: float) -> list[Operation]:
    if call.f != "reschedule":
        return [_operation(_ACTS[call.f], call.slot, call, start, end)]
    arrival = _operation(Act.ARRIVE, call.slot, call, start, end)
    if call.out is Outcome.FAIL or call.from_slot is None:
        return [arrival]
    return [_operation(Act.LEAVE, call.from_slot, call, start, end), arrival]


def _operation(act: Act, slot: str | None, call: Entry, start: float, end: float) -> Operation:
    if slot is None:
        raise AssertionError("calls without a slot are not operations on slots")
    # A booking nobody was told of still owns its slot: give it a name of its own.
    unknown = f"?{call.op}" if act in CLAIMS and call.out is not Outcome.FAIL else None
    return Operation(
        act=act,
        slot=slot,
        start=start,
        end=end,
        out=call.out,
        booking=call.booking or unknown,
        reason=call.reason,
        ttl_seconds=call.lives_seconds,
        fence=call.fence,
        ops=(call.op,),
    )
