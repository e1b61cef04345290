"""One benchmark: floor and product in turns, several times, each run checked against the database."""

from __future__ import annotations

import time
from collections.abc import Callable

from loadtest.bench import truth
from loadtest.bench.growth import booking_cost
from loadtest.bench.pages import flow_weight
from loadtest.bench.range import MANY, SETTINGS, Order, shooting_range
from loadtest.bench.results import Results
from loadtest.bench.shots import SHOTS, hello
from loadtest.bench.stack import running_stack

#: Wanted by name like a shot, but measured once, after all turns.
ONCE = ("pages", "nodes", "warm start")
#: A share of the free slots that all turns together leave for what comes after.
_SPENT = 0.6


def measure(order: Order, say: Callable[[str], None] = print) -> Results:
    """Fire every wanted shot in turn, as often as ordered."""
    results = _in_turns(order, say)
    if "warm start" in order.wanted:
        began = time.monotonic()
        with running_stack(order.var / "stack", order.nodes, **SETTINGS):
            results.note("warm start s", time.monotonic() - began)
        say(f"  warm start     {results.figure('warm start s'):.0f} s")
    if "nodes" in order.wanted:
        for nodes in (1, 3):
            results.note(f"CPU ms of a booking, nodes: {nodes}", booking_cost(order, nodes, say))
    return results


def _in_turns(order: Order, say: Callable[[str], None]) -> Results:
    with shooting_range(order, say) as at:
        hello(at, "warm-up")
        at.book("warm-up book", MANY, 0.1)
        at.results.shots.clear()
        for turn in range(order.repetitions):
            say(f"turn {turn + 1} of {order.repetitions}")
            share = _SPENT / (order.repetitions - turn)
            for name, shoot in SHOTS.items():
                if name in order.wanted:
                    shoot(at, share)
        at.results.node_megabytes = at.stack.processes.node_megabytes()
        if "pages" in order.wanted:
            at.results.note("booking flow kB", flow_weight(at.stack.url, at.field.shown_doctor))
        at.results.faults += truth.faults_of(at.stack.database_url)
        return at.results
