"""One hall from empty to full, and what must be true of it afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from loadtest.answers import Answer
from loadtest.cinema import Seat, Shape, blocks_of, side_by_side
from loadtest.crowd import LARGEST_SET, LONGEST_RUN_SECONDS, Crowd, Tally
from loadtest.faults import fault
from loadtest.history import Entry, Outcome
from loadtest.moviegoer import Moviegoer, seats_in
from loadtest.seat_rows import Rows
from loadtest.target import Target

MODES = ("sets", "best")
#: The fault strikes when this share of the hall is sold.
_MIDWAY = 1 / 3
_MOST_ASKS = 40


@dataclass(frozen=True, slots=True)
class BestRefusal:
    """What somebody was told who asked for the best seats and got none."""

    count: int
    reason: str
    free_seats: int


@dataclass(slots=True)
class SeatRound:
    """What one hall showed."""

    number: int
    mode: str
    showtime: str
    seats: int
    tally: Tally
    entries: list[Entry]
    seconds: float
    strikes: int = 0
    refusals: list[BestRefusal] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def seat_round(
    crowd: Crowd, target: Target, rows: Rows, mode: str, shape: Shape, number: int, fault_name: str
) -> SeatRound:
    """Fills a hall of its own and judges it."""
    showtime = crowd.cinema.new_showtime(shape)
    crowd.showtimes.append(showtime)
    seats = crowd.cinema.seats(showtime)
    done = SeatRound(number, mode, showtime, len(seats), Tally(), [], 0.0)
    mark, began = len(crowd.scribe.entries), time.monotonic()
    play = _play_sets if mode == "sets" else _play_best
    with ThreadPoolExecutor(1) as helper:
        struck = helper.submit(_strike_midway, fault_name, target, done)
        try:
            play(crowd, seats, done)
        finally:
            done.seconds = time.monotonic() - began
            done.tally.end()
        done.strikes = struck.result()
    done.entries = crowd.scribe.entries[mark:]
    done.faults += [*done.tally.faults, *broken_calls(done.entries)]
    done.faults += judge_hall(crowd.cinema.seats(showtime), done.tally.granted, rows.live_seats(showtime))
    return done


def _strike_midway(name: str, target: Target, done: SeatRound) -> int:
    """Keeps the fault up from when a part of the hall is sold until all of it is."""
    if name == "none" or not done.tally.wait_for_sales(int(done.seats * _MIDWAY), LONGEST_RUN_SECONDS):
        return 0
    with fault(name, target) as strikes:
        done.tally.wait_for_end(LONGEST_RUN_SECONDS)
        return strikes()


def _play_sets(crowd: Crowd, seats: Sequence[Seat], done: SeatRound) -> None:
    crowd.fill(done.showtime, [seat.id for seat in seats], done.tally)


def _play_best(crowd: Crowd, seats: Sequence[Seat], done: SeatRound) -> None:
    """Everybody asks for a group; when all have been answered, for single seats until there are none."""
    places = {seat.id: seat for seat in seats}

    def ask_for_group(goer: Moviegoer, dice: Random) -> None:
        count, together = dice.randint(1, LARGEST_SET), dice.random() < 0.8
        _ask(goer, done, places, count, together=together)

    def ask_for_singles(goer: Moviegoer, _: Random) -> None:
        for _try in range(_MOST_ASKS):
            if not _ask(goer, done, places, 1, together=True):
                return
        done.tally.blame("somebody was never told that the hall is sold out")

    crowd.ask_for_best(ask_for_group, done.showtime)
    left = [seat for seat in crowd.cinema.seats(done.showtime) if seat.state == "OPEN"]
    done.faults += judge_refusals(done.refusals, left)
    crowd.ask_for_best(ask_for_singles, done.showtime)


def _ask(goer: Moviegoer, done: SeatRound, places: Mapping[str, Seat], count: int, *, together: bool) -> bool:
    """Whether seats were granted; asked again while others are choosing the same ones."""
    answer = _patiently(lambda: goer.take_best(done.showtime, count, together=together), done.tally)
    claim = seats_in(answer)
    if claim is None:
        free = answer.body.get("free_seats")
        if answer.outcome is Outcome.FAIL and (answer.status != 409 or not isinstance(free, int)):
            done.tally.blame(f"refused with {answer.status} {answer.code}: {answer.message}")
        elif answer.outcome is Outcome.FAIL:
            done.refusals.append(BestRefusal(count, answer.reason or "", int(free or 0)))
        return False
    chosen = [places[slot] for slot in claim.slots]
    if len(chosen) != count:
        done.tally.blame(f"asked for {count} seats, was given {len(chosen)}")
    if together and not side_by_side(chosen):
        done.tally.blame(f"asked for seats side by side, was given {[f'{s.row}{s.number}' for s in chosen]}")
    done.tally.grant(claim)
    return True


def _patiently(ask: Callable[[], Answer], tally: Tally) -> Answer:
    answer = ask()
    for _ in range(_MOST_ASKS):
        if answer.outcome is Outcome.OK:
            return answer
        tally.refuse(answer)
        if answer.reason != "SLOT_HELD":
            return answer
        time.sleep(min(answer.retry_after_seconds or 0.2, 1.0))
        answer = ask()
    return answer


def judge_hall(
    seats: Sequence[Seat], granted: Mapping[str, Collection[str]], rows: Mapping[str, Collection[str]]
) -> list[str]:
    """The hall is full, every seat was sold once, and each booking has exactly what its owner was told."""
    faults = []
    unsold = [seat for seat in seats if seat.state != "BOOKED"]
    if unsold:
        faults.append(f"{len(unsold)} of {len(seats)} seats are not sold, such as {unsold[0]}")
    told = [slot for slots in granted.values() for slot in slots]
    if len(told) != len(set(told)):
        faults.append(f"{len(told) - len(set(told))} seats were granted to two clients")
    for booking in granted.keys() | rows.keys():
        mine, stored = set(granted.get(booking, ())), set(rows.get(booking, ()))
        if mine != stored:
            faults.append(f"booking {booking}: told {sorted(mine)}, stored {sorted(stored)}")
    return faults


def judge_refusals(refusals: Sequence[BestRefusal], left: Sequence[Seat]) -> list[str]:
    """Nobody was refused what is still there. Seats were only taken meanwhile, never given back."""
    faults = []
    for refusal in refusals:
        if refusal.free_seats < len(left):
            faults.append(f"told that {refusal.free_seats} seats are left when {len(left)} were")
        if refusal.reason == "SOLD_OUT" and refusal.free_seats >= refusal.count:
            faults.append(f"sold out for {refusal.count}, with {refusal.free_seats} seats left")
        elif refusal.reason == "NOT_TOGETHER" and any(blocks_of(left, refusal.count)):
            faults.append(f"no {refusal.count} together, although there still are")
        elif refusal.reason not in ("SOLD_OUT", "NOT_TOGETHER"):
            faults.append(f"refused with {refusal.reason}")
    return faults


def broken_calls(entries: Sequence[Entry]) -> list[str]:
    """Calls without an answer, with a 5xx, or with words that are none of a person's business."""
    faults = []
    broken = [entry for entry in entries if (entry.status or 0) >= 500 or not entry.status]
    if broken:
        faults.append(f"{len(broken)} calls without an answer or with a 5xx: {broken[0].message}")
    leaking = [entry for entry in entries if "deadlock" in (entry.message or "").lower()]
    if leaking:
        faults.append(f"{len(leaking)} clients read of a deadlock: {leaking[0].message}")
    return faults
