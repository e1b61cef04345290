"""What one slot may do: OPEN, HELD by one booking until its deadline, BOOKED by one booking.

A hold's deadline is known as a window only, because the clients see the claim begin and end but
not the instant it took effect: it may lapse from `lapses_from` on, and must have by `lapses_by`."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from loadtest.history import Outcome
from loadtest.operations import Act, Operation


class Kind(StrEnum):
    """The three things a slot can be."""

    OPEN = "OPEN"
    HELD = "HELD"
    BOOKED = "BOOKED"


@dataclass(frozen=True, slots=True)
class SlotState:
    """One slot at one moment."""

    kind: Kind
    owner: str | None = None
    lapses_from: float = math.inf
    lapses_by: float = math.inf

    def is_taken(self, at_least: float) -> bool:
        """Whether the slot can still be owned at some moment not before at_least."""
        return self.kind is Kind.BOOKED or (self.kind is Kind.HELD and at_least <= self.lapses_by)


OPEN = SlotState(Kind.OPEN)


@dataclass(frozen=True, slots=True)
class Allowances:
    """What the checker grants the system under test."""

    #: How long a hold lives when its answer did not say.
    hold_seconds: float = 120.0
    #: Stamps in answers are rounded and come from another clock than the clients'.
    clock_tolerance_seconds: float = 0.0
    #: A refusal may rest on knowledge this old; a claim never may.
    stale_refusal_seconds: float = 0.0


def after(state: SlotState, op: Operation, at_least: float, allowances: Allowances) -> SlotState | None:
    """The state once op took effect at some moment not before at_least; None when it cannot have."""
    if op.act in (Act.HOLD, Act.BOOK, Act.ARRIVE):
        return _claimed(state, op, at_least, allowances)
    if op.act is Act.READ:
        return replace(state, owner=op.booking) if _reads_true(state, op, at_least) else None
    if op.act is Act.RELEASE and state.owner != op.booking:
        return state  # its hold had ended before: nothing to release, nothing broken
    return _changed_by_owner(state, op, at_least, allowances)


def _claimed(state: SlotState, op: Operation, at_least: float, allowances: Allowances) -> SlotState | None:
    if state.kind is not Kind.OPEN:
        return None
    if op.act is Act.HOLD:
        return _held(op, at_least, allowances)
    return SlotState(Kind.BOOKED, op.booking)


def _changed_by_owner(
    state: SlotState, op: Operation, at_least: float, allowances: Allowances
) -> SlotState | None:
    if not _is_owner(state, op.booking) or not state.is_taken(at_least):
        return None
    if op.act in (Act.CANCEL, Act.LEAVE):
        return OPEN
    if op.act is Act.CONFIRM:
        return SlotState(Kind.BOOKED, op.booking)
    if state.kind is not Kind.HELD:
        return None
    return OPEN if op.act is Act.RELEASE else _held(op, at_least, allowances)


def _held(op: Operation, at_least: float, allowances: Allowances) -> SlotState:
    ttl = allowances.hold_seconds if op.ttl_seconds is None else op.ttl_seconds
    slack = allowances.clock_tolerance_seconds
    return SlotState(Kind.HELD, op.booking, at_least + ttl - slack, op.end + ttl + slack)


def _reads_true(state: SlotState, op: Operation, at_least: float) -> bool:
    if op.booking is None:
        return state.kind is Kind.OPEN
    return state.is_taken(at_least) and _is_owner(state, op.booking)


def _is_owner(state: SlotState, booking: str | None) -> bool:
    """A booking whose answer was lost goes by a name of ours, so any name may be its, once."""
    return state.owner is not None and (state.owner == booking or state.owner.startswith("?"))


def explains_refusal(state: SlotState, op: Operation, at_least: float) -> bool:
    """Whether the slot's state is a true reason for the refusal op was told."""
    if op.out is not Outcome.FAIL:
        raise AssertionError("only refusals need a reason")
    if op.act not in (Act.HOLD, Act.BOOK, Act.ARRIVE):
        return not (state.owner == op.booking and state.is_taken(at_least))
    if op.reason == "SLOT_TAKEN":
        return state.kind is Kind.BOOKED
    if op.reason == "SLOT_HELD":
        return state.kind is Kind.HELD and state.is_taken(at_least)
    return state.is_taken(at_least)
