"""Is there an order of effects that explains what every client was told about one slot?

The search of Wing and Gong (1993) with Lowe's memory of visited configurations (2017), one slot at
a time: slots are independent, so the history is linearizable when each slot's part is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from loadtest.history import Outcome
from loadtest.operations import CLAIMS, Operation
from loadtest.slot_model import OPEN, Allowances, Kind, SlotState, after, explains_refusal

#: Enough for thousands of calls on a slot; a search that needs more is reported, not trusted.
SEARCH_LIMIT = 200_000


class Answer(StrEnum):
    """What the search found."""

    EXPLAINED = "explained"
    IMPOSSIBLE = "impossible"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class _Configuration:
    """Which operations are still to be placed, what the slot is now, and the earliest now can be."""

    left: int
    state: SlotState
    at_least: float


def explain(operations: Sequence[Operation], allowances: Allowances) -> Answer:
    """Whether some order explains the operations of one slot."""
    ops = [_with_stale_knowledge(op, allowances) for op in operations]
    must = _mask(i for i, op in enumerate(ops) if op.out is not Outcome.INFO)
    pending = [_Configuration((1 << len(ops)) - 1, OPEN, -math.inf)]
    seen: set[_Configuration] = set()
    while pending:
        now = pending.pop()
        if not now.left & must:
            return Answer.EXPLAINED
        if now in seen:
            continue
        seen.add(now)
        if len(seen) > SEARCH_LIMIT:
            return Answer.UNDECIDED
        pending.extend(_next(now, ops, allowances))
    return Answer.IMPOSSIBLE


def _with_stale_knowledge(op: Operation, allowances: Allowances) -> Operation:
    if op.out is Outcome.FAIL and op.act in CLAIMS:
        return replace(op, start=op.start - allowances.stale_refusal_seconds)
    return op


def _next(now: _Configuration, ops: Sequence[Operation], allowances: Allowances) -> list[_Configuration]:
    """The configurations one step further; the last is tried first."""
    left = [i for i in range(len(ops)) if now.left >> i & 1]
    at_most = min(ops[i].end for i in left)
    ready = [i for i in left if ops[i].start <= at_most]
    settled = _mask(i for i in ready if _is_settled_refusal(now, ops[i]))
    if settled:
        # A refusal changes nothing, so placing it as early as it has a reason can spoil no order.
        return [replace(now, left=now.left & ~settled)]
    # What nobody was told of need not have happened: try it last.
    ready.sort(key=lambda i: ops[i].out is not Outcome.INFO)
    steps = [step for i in ready if (step := _place(now, i, ops[i], allowances)) is not None]
    if now.state.kind is Kind.HELD and now.state.lapses_from <= at_most:
        lapsed = _Configuration(now.left, OPEN, max(now.at_least, now.state.lapses_from))
        return [lapsed, *steps]
    return steps


def _is_settled_refusal(now: _Configuration, op: Operation) -> bool:
    return op.out is Outcome.FAIL and explains_refusal(now.state, op, max(now.at_least, op.start))


def _place(now: _Configuration, index: int, op: Operation, allowances: Allowances) -> _Configuration | None:
    if op.out is Outcome.FAIL:
        return None
    at_least = max(now.at_least, op.start)
    state = after(now.state, op, at_least, allowances)
    if state is None:
        return None
    return _Configuration(now.left & ~(1 << index), state, at_least)


def _mask(indexes: Iterable[int]) -> int:
    return sum(1 << index for index in indexes)


def shortest_unexplained(operations: Sequence[Operation], allowances: Allowances) -> list[Operation]:
    """The shortest beginning of an impossible history that is impossible too, without what does not matter.

    Every beginning of a possible history is possible, and taking a refusal away never makes a history
    impossible; a granted call may not be dropped without inventing a fault."""
    ends = sorted({op.end for op in operations if not math.isinf(op.end)})
    low, high = 0, len(ends) - 1
    while low < high:
        middle = (low + high) // 2
        if explain(_until(operations, ends[middle]), allowances) is Answer.IMPOSSIBLE:
            high = middle
        else:
            low = middle + 1
    short = _without_bystanders(_until(operations, ends[low]))
    for op in [op for op in short if op.out is Outcome.FAIL]:
        without = [other for other in short if other is not op]
        if explain(without, allowances) is Answer.IMPOSSIBLE:
            short = without
    return short


def _without_bystanders(operations: Sequence[Operation]) -> list[Operation]:
    """Leaves out unanswered calls of bookings that nothing else in the history speaks of."""
    spoken_of = {op.booking for op in operations if op.out is not Outcome.INFO}
    return [op for op in operations if op.out is not Outcome.INFO or op.booking in spoken_of]


def _until(operations: Sequence[Operation], moment: float) -> list[Operation]:
    """What was known at a moment: calls not answered yet may or may not have happened."""
    known = []
    for op in operations:
        if op.end <= moment:
            known.append(op)
        elif op.start <= moment and op.out is not Outcome.FAIL:
            known.append(replace(op, out=Outcome.INFO, end=math.inf))
    return known
