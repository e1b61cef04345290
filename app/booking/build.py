"""Plugs the engine together, for web nodes and workers alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from redis import Redis

from app.booking.engine import Engine
from app.booking.glance import Glance
from app.booking.seat_plan import SeatPlans
from app.clock import Clock
from app.config import Config
from app.coordination.breaker import Breaker
from app.coordination.bus import Doorbell
from app.coordination.later import Later
from app.coordination.locks import SlotLocks
from app.coordination.stamps import Stamper
from app.database import Database


def build_engine(
    config: Config,
    database: Database,
    redis: Redis,
    clock: Clock,
    enqueue: Callable[[str, str], object],
    note_positions: Callable[[Mapping[str, int]], object] = lambda positions: None,
) -> Engine:
    breaker, plans = Breaker(clock), SeatPlans()
    return Engine(
        database=database,
        locks=SlotLocks(redis, breaker),
        glance=Glance(database, plans),
        stamper=Stamper(database, config.node_id, config.address, clock),
        node_id=config.node_id,
        hold_seconds=config.hold_seconds,
        publish=Later(Doorbell(redis, breaker).publish).put,
        enqueue=enqueue,
        note_positions=note_positions,
        plans=plans,
    )
