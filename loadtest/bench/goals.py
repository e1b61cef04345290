"""The goals P1 to P11: which shots they need, and whether what was measured meets them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from loadtest.bench.results import Measured, Results
from loadtest.bench.scale_file import Scale, last_scale


@dataclass(frozen=True)
class Verdict:
    """One line of the table; is_met is None for what this run did not measure."""

    goal: str
    wanted: str
    found: str
    is_met: bool | None


@dataclass(frozen=True)
class Goal:
    wanted: str
    shots: frozenset[str]
    judge: Callable[[Results], tuple[str, bool | None]]


def ratio(results: Results, shot: str, floor: str = "hello") -> float:
    """The median of the ratios of each turn: both sides had the same machine."""
    pairs = zip(results.shots[shot], results.shots[floor], strict=True)
    return statistics.median(one.rate / other.rate for one, other in pairs)


def middle(results: Results, shot: str, value: Callable[[Measured], float]) -> float:
    return statistics.median(map(value, results.shots[shot]))


def _share(shot: str, least: float) -> Callable[[Results], tuple[str, bool | None]]:
    def judge(results: Results) -> tuple[str, bool | None]:
        found = ratio(results, shot)
        return f"{found:.0%} of hello", found >= least

    return judge


def _against_recipes(results: Results) -> tuple[str, bool | None]:
    best = max(("naive", "orm"), key=lambda name: middle(results, name, lambda each: each.rate))
    found = ratio(results, "book", best)
    return f"{found:.1f} x {best}, which writes a fifth as much", found >= 5.0


def _rush(results: Results) -> tuple[str, bool | None]:
    share = ratio(results, "hot slot")
    slower = statistics.median(
        rush / floor for rush, floor in zip(results.bursts["one slot"], results.bursts["hello"], strict=True)
    )
    return f"{share:.0%} of hello; a crowd takes {slower:.1f} x as long", share >= 0.9 and slower <= 2.0


def _tails(results: Results) -> tuple[str, bool | None]:
    at_32 = middle(results, "book", lambda each: each.p99) / middle(results, "hello", lambda each: each.p99)
    at_8 = middle(results, "book 8", lambda each: each.p99) - middle(
        results, "hello 8", lambda each: each.p99
    )
    return f"{at_32:.1f} x hello's p99; at 8 {at_8:+.1f} ms", at_32 <= 4.0 and at_8 <= 10.0


def _costs(results: Results) -> tuple[str, bool | None]:
    node = middle(results, "book", lambda each: each.cpu_ms["node"])
    postgres = middle(results, "book", lambda each: each.cpu_ms["postgres"])
    found = f"node {node:.2f} ms, postgres {postgres:.2f} ms, {results.node_megabytes:.0f} MB a node"
    return found, node <= 0.35 and postgres <= 0.15 and results.node_megabytes <= 120


def _reads(results: Results) -> tuple[str, bool | None]:
    day, unchanged = ratio(results, "availability"), ratio(results, "unchanged")
    return f"{day:.0%} of hello; 304: {unchanged:.0%}", day >= 0.95 and unchanged >= 1.5


def _grown(_results: Results) -> tuple[str, bool | None]:
    return judge_scale(last_scale())


def judge_scale(found: Scale | None) -> tuple[str, bool | None]:
    """What the last `make bench-scale` found; it fills gigabytes and runs on its own."""
    if found is None:
        return "run make bench-scale", None
    worst, slowest = found.worst_change, found.stats_ms
    told = f"{worst:+.0%} at {found.largest:,} slots; stats {slowest:.0f} ms ({found.age})"
    return told, worst >= -0.1 and slowest <= 50


def _streams(results: Results) -> tuple[str, bool | None]:
    megabytes, late = results.figure("stream MB"), results.figure("delivery p99 ms")
    if megabytes is None or late is None:
        return "not measured", None
    kept = ratio(results, "book, watched", "book")
    told = f"{megabytes:.0f} MB, p99 {late:.0f} ms, bookings {kept:.0%}"
    return told, megabytes <= 150 and late <= 250 and kept >= 0.8


def _nodes(results: Results) -> tuple[str, bool | None]:
    one, three = (results.figure(f"CPU ms of a booking, nodes: {nodes}") for nodes in (1, 3))
    if one is None or three is None:
        return "not measured", None
    return f"{3 * one / three:.1f} x by CPU: {one:.2f} ms with 1, {three:.2f} with 3", 3 * one / three >= 2.7


def _seats(results: Results) -> tuple[str, bool | None]:
    found = results.figure("seats p99 ms")
    return ("not measured", None) if found is None else (f"p99 {found:.0f} ms", found <= 25)


def _starts(results: Results) -> tuple[str, bool | None]:
    fresh, warm, weight = (
        results.figure(name) for name in ("fresh start s", "warm start s", "booking flow kB")
    )
    if fresh is None or warm is None or weight is None:
        return "not measured", None
    told = f"new data {fresh:.0f} s, again {warm:.0f} s, two pages {weight:.0f} kB"
    return told, fresh <= 90 and warm <= 10 and weight <= 100


GOALS: dict[str, Goal] = {
    "P1": Goal("bookings of distinct slots: 60 % of hello", frozenset({"hello", "book"}),
               _share("book", 0.6)),
    "P2": Goal("5 x the best recipe", frozenset({"hello", "book", "naive", "orm"}), _against_recipes),
    "P3": Goal("losers of a hot slot: 90 % of hello, crowd within 2 x",
               frozenset({"hello", "hot slot", "crowd"}), _rush),
    "P4": Goal("availability: 95 % of hello, 304: 150 %",
               frozenset({"hello", "availability", "unchanged"}), _reads),
    "P5": Goal("p99: 4 x hello's, at 8 connections +10 ms",
               frozenset({"hello", "book", "hello 8", "book 8"}), _tails),
    "P6": Goal("within 10 % from 10k to 10M slots, stats 50 ms", frozenset(), _grown),
    "P7": Goal("1,000 streams: 150 MB, p99 250 ms, bookings 80 %",
               frozenset({"hello", "book", "book, watched"}), _streams),
    "P8": Goal("1 to 3 nodes: 2.7 x", frozenset({"nodes"}), _nodes),
    "P9": Goal("node 0.35 ms, postgres 0.15 ms, 120 MB", frozenset({"hello", "book"}), _costs),
    "P10": Goal("best 4 of 2,000 seats, 32 callers: p99 25 ms", frozenset({"seats"}), _seats),
    "P11": Goal("start 90 s, again 10 s, booking flow 100 kB", frozenset({"pages", "warm start"}), _starts),
}  # fmt: skip


def shots_for(goals: list[str]) -> frozenset[str]:
    """What has to be fired for these goals."""
    return frozenset().union(*(GOALS[name].shots for name in goals))


def judge(results: Results, goals: list[str]) -> list[Verdict]:
    return [Verdict(name, GOALS[name].wanted, *GOALS[name].judge(results)) for name in goals]
