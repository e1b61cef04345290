"""Everything that can be fired in a turn, by name."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from loadtest.bench import baselines
from loadtest.bench.burst import burst
from loadtest.bench.generator import Shot, fire, get
from loadtest.bench.halls import best_seats
from loadtest.bench.range import CROWD, FEW, MANY, Range
from loadtest.bench.results import Measured
from loadtest.bench.streams import Watchers
from loadtest.report import percentile

BASELINE_SLOTS = 40_000
#: As many event streams as a node must carry (P7).
STREAMS = 1000
EVENTUAL = {"X-Consistency": "eventual"}


def hello(at: Range, name: str = "hello", connections: int = MANY) -> None:
    at.fire(name, Shot(url=at.hello.url, path="/hello"), at.hello.processes, 200, connections)


def availability(at: Range) -> None:
    """A doctor's day from the node's own copy, as visitors get it."""
    shot = Shot(url=at.stack.url, path=_day(at), headers=EVENTUAL)
    at.fire("availability", shot, at.stack.processes, 200)


def unchanged(at: Range) -> None:
    """The same for somebody who has it already."""
    known = get(at.stack.url, _day(at), EVENTUAL)[0].get("ETag", "-")
    shot = Shot(url=at.stack.url, path=_day(at), headers={**EVENTUAL, "If-None-Match": known})
    at.fire("unchanged", shot, at.stack.processes, 304)


def _day(at: Range) -> str:
    return f"/api/availability?doctor_id={at.field.shown_doctor}&date={at.field.shown_day.isoformat()}"


def losers(at: Range) -> None:
    """Everybody wants one slot that is taken; each has a key of its own."""
    (slot,) = at.field.take(1)
    burst(_wanting(at, slot), 1)
    at.fire("hot slot", _wanting(at, slot), at.stack.processes, 409)


def crowd(at: Range) -> None:
    """A thousand clients at one free slot, and a thousand at the floor."""
    (slot,) = at.field.take(1)
    floor = burst(Shot(url=at.hello.url, path="/hello"), CROWD)
    rush = burst(_wanting(at, slot), CROWD)
    at.results.bursts.setdefault("hello", []).append(floor.seconds)
    at.results.bursts.setdefault("one slot", []).append(rush.seconds)
    if rush.statuses != {201: 1, 409: CROWD - 1}:
        at.results.faults.append(f"crowd: one 201 and {CROWD - 1} x 409 were due, not {dict(rush.statuses)}")
    at.say(f"  {CROWD} clients: hello {floor.seconds:.2f} s, one slot {rush.seconds:.2f} s")


def _wanting(at: Range, slot: int) -> Shot:
    return Shot(url=at.stack.url, path="/api/bookings", what="same", given=str(slot), run=at.run_name())


def watched(at: Range, share: float) -> None:
    """Bookings as always, while a thousand streams wait for a doctor whose slots change now and then."""
    with Watchers(at, STREAMS) as watchers:
        at.book("book, watched", MANY, share)
        at.results.note("stream MB", at.stack.processes.megabytes_of("events"))
    if watchers.seconds:
        at.results.note("delivery p99 ms", 1000 * percentile(watchers.seconds, 0.99))
    at.results.faults += watchers.faults
    at.say(f"  {len(watchers.seconds)} deliveries to {STREAMS} streams, {at.shown('stream MB')} MB")


def seats(at: Range) -> None:
    """Groups of four who all want the best seats of one hall."""
    times, faults = best_seats(at, MANY)
    at.results.faults += faults
    at.results.note("seats p50 ms", 1000 * statistics.median(times))
    at.results.note("seats p99 ms", 1000 * percentile(times, 0.99))
    at.say(f"  best seats: p50 {at.shown('seats p50 ms')} ms  p99 {at.shown('seats p99 ms')} ms")


def baseline(at: Range, name: str) -> None:
    baselines.open_again(at.stack.database_url)
    slots = at.order.var / "baseline.txt"
    slots.write_text("".join(f"{number}\n" for number in range(1, BASELINE_SLOTS + 1)))
    shot = Shot(url=at.others.url, path=f"/{name}", what="book", given=str(slots), run=at.run_name())
    sample = fire(shot, MANY, at.order.seconds)
    booked = Measured(name, sample.count(201) / sample.seconds, sample.p50, sample.p90, sample.p99,
                      sample.requests, sample.others_than(201), {})  # fmt: skip
    at.results.shots.setdefault(name, []).append(booked)
    at.say(f"  {name:<14} {booked.rate:>8.0f}/s  p99 {sample.p99:>7.1f} ms  {booked.wrong} not booked")


#: In this order; each gets the share of the free slots that a booking shot may use.
SHOTS: dict[str, Callable[[Range, float], Any]] = {
    "hello": lambda at, _share: hello(at),
    "book": lambda at, share: at.book("book", MANY, share),
    "hot slot": lambda at, _share: losers(at),
    "availability": lambda at, _share: availability(at),
    "unchanged": lambda at, _share: unchanged(at),
    "hello 8": lambda at, _share: hello(at, "hello 8", FEW),
    "book 8": lambda at, share: at.book("book 8", FEW, share / 3),
    "book, watched": lambda at, share: watched(at, share / 2),
    "naive": lambda at, _share: baseline(at, "naive"),
    "orm": lambda at, _share: baseline(at, "orm"),
    "seats": lambda at, _share: seats(at),
    "crowd": lambda at, _share: crowd(at),
}
