"""Judges what contenders were told: one winner, and losers who learn the truth and where else to go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from loadtest.answers import Answer
from loadtest.history import Entry, Outcome
from loadtest.stage import LiveBooking

#: Whether the same request may succeed later, by the reason it was refused for.
RETRYABLE = {"SLOT_HELD": True, "SLOT_TAKEN": False, "SLOT_BLOCKED": False, "OVERLAP": False}
MOST_ALTERNATIVES = 3

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Contest:
    """What happened to one thing many wanted."""

    subject: str
    contenders: int
    winners: tuple[str, ...]
    #: Reason -> how many losers were told it, and one of the messages.
    told: Mapping[str, int]
    message: str | None
    faults: tuple[str, ...]


def judge_contest(subject: str, claims: Sequence[Entry], taken: Collection[str] = ()) -> Contest:
    """Exactly one of all contenders for one slot wins; nobody is left without a definite answer."""
    winners = sorted({claim.booking or claim.op for claim in claims if claim.out is Outcome.OK})
    faults = [] if len(winners) == 1 else [f"{len(winners)} winners: {', '.join(winners[:3]) or 'nobody'}"]
    return _contest(subject, claims, winners, faults, taken={subject, *taken})


def judge_intervals(
    subject: str, claims: Sequence[Entry], wanted: Mapping[str, Interval], live: Sequence[LiveBooking]
) -> Contest:
    """No two live bookings overlap, the winners are the live ones, and every loser met a winner."""
    winners = sorted({claim.booking or claim.op for claim in claims if claim.out is Outcome.OK})
    spans = {booking.id: _span(booking) for booking in live}
    pairs = [(a, b) for a, b in combinations(sorted(spans), 2) if _overlap(spans[a], spans[b])]
    faults = [f"{len(pairs)} pairs of live bookings overlap, such as {pairs[0]}"] if pairs else []
    if set(winners) != set(spans):
        faults.append(f"clients won {len(winners)} bookings, the system shows {len(spans)}, not the same")
    for claim in claims:
        met = any(_overlap(wanted[claim.client], span) for span in spans.values())
        if claim.out is Outcome.FAIL and not met:
            faults.append(f"{claim.client} was refused a time nobody has")
    return _contest(subject, claims, winners, faults, taken=())


def judge_duplicates(subject: str, answers: Sequence[Answer]) -> list[str]:
    """One request and its copies: one booking, and every other answer says that it is a replay of it."""
    faults = []
    statuses = Counter(answer.status for answer in answers)
    if set(statuses) != {201}:
        faults.append(f"{subject}: statuses {dict(statuses)}")
    first = [answer for answer in answers if not answer.is_replay]
    if len(first) != 1:
        faults.append(f"{subject}: {len(first)} answers are not marked as replays")
    bodies = {str(sorted(answer.booking.items())) for answer in answers}
    if len(bodies) != 1:
        faults.append(f"{subject}: {len(bodies)} different bookings in the answers")
    return faults


def _contest(
    subject: str, claims: Sequence[Entry], winners: Sequence[str], faults: list[str], taken: Collection[str]
) -> Contest:
    losers = [claim for claim in claims if claim.out is Outcome.FAIL]
    unclear = [claim for claim in claims if claim.out is Outcome.INFO]
    told = Counter(loser.reason or loser.code or str(loser.status) for loser in losers)
    wrong = Counter(fault for loser in losers for fault in faults_of_refusal(loser, taken))
    wrong.update(f"no definite answer: {claim.status or claim.message}" for claim in unclear)
    faults += [f"{count} x {fault}" for fault, count in wrong.items()]
    message = losers[0].message if losers else None
    contenders = len({claim.client for claim in claims})
    return Contest(subject, contenders, tuple(winners), told, message, tuple(faults))


def faults_of_refusal(loser: Entry, taken: Collection[str]) -> list[str]:
    """What is missing or untrue in a refusal."""
    if loser.status != 409 or loser.code != "BOOKING_CONFLICT":
        return [f"answered {loser.status} {loser.code}"]
    if loser.reason not in RETRYABLE:
        return [f"reason {loser.reason}"]
    faults = []
    if loser.retryable is not RETRYABLE[loser.reason]:
        faults.append(f"{loser.reason} called retryable: {loser.retryable}")
    if not loser.message:
        faults.append("no message for a person")
    elif not RETRYABLE[loser.reason] and "try again" in loser.message.lower():
        faults.append("told to try again for what is gone")
    if loser.reason == "SLOT_HELD" and not (loser.retry_after_seconds or 0) > 0:
        faults.append("held, but not for how long")
    return faults + _faults_of_alternatives(loser, taken)


def _faults_of_alternatives(loser: Entry, taken: Collection[str]) -> list[str]:
    faults = []
    if not 1 <= len(loser.alternatives) <= MOST_ALTERNATIVES:
        faults.append(f"{len(loser.alternatives)} alternatives")
    if set(loser.alternatives) & set(taken):
        faults.append("offered a taken slot as alternative")
    return faults


def _span(booking: LiveBooking) -> Interval:
    return datetime.fromisoformat(booking.starts_at), datetime.fromisoformat(booking.ends_at)


def _overlap(a: Interval, b: Interval) -> bool:
    return a[0] < b[1] and b[0] < a[1]
