"""What a booking costs all processes together, on a stack of so many nodes (P8).

On two cores three nodes are no faster than one; but when a booking costs the machine the same CPU with
three as with one, then cores to spare make three nodes three times as fast."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from itertools import count

from loadtest.bench.generator import Shot, fire
from loadtest.bench.range import MANY, SETTINGS, Order
from loadtest.bench.stack import running_stack
from loadtest.bench.staging import lay_out, make_admin

_DOCTORS = 4
#: Not the workers that send mails behind the booking: they are as many on every stack.
_COUNTED = ("node", "coordinator", "postgres", "redis", "nginx")
_runs = count(1)


def booking_cost(order: Order, nodes: int, say: Callable[[str], None]) -> float:
    """CPU milliseconds per booking, at rest taken off."""
    var = order.var / f"stack-of-{nodes}"
    shutil.rmtree(var, ignore_errors=True)
    with running_stack(var, nodes, **SETTINGS) as stack:
        make_admin(stack)
        field = lay_out(stack, _DOCTORS)
        with stack.processes.measured() as resting:
            time.sleep(order.seconds)
        spent, booked = 0.0, 0
        for is_counted in (False, *[True] * order.repetitions):
            slots = field.file_of(order.var, field.left // 3)
            run = f"grow-{nodes}-{next(_runs)}"
            shot = Shot(url=stack.url, path="/api/bookings", what="book", given=str(slots), run=run)
            with stack.processes.measured() as used:
                sample = fire(shot, MANY, order.seconds)
            if is_counted:
                spent += sum(used[group] - resting[group] for group in _COUNTED)
                booked += sample.count(201)
    shutil.rmtree(var, ignore_errors=True)
    cost = 1000 * spent / max(booked, 1)
    say(f"  stack of {nodes}     {cost:.2f} ms of CPU per booking")
    return cost
