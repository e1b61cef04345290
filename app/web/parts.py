"""The objects create_app built, as the views find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis import Redis

    from app.accounts.actions import Accounts
    from app.accounts.passwords import Passwords
    from app.booking.engine import Engine
    from app.clock import Clock
    from app.config import Config
    from app.coordination.later import Later
    from app.coordination.rates import Rates
    from app.database import Database
    from app.directory.directory import Directory
    from app.web.board import Board
    from app.web.broadcast import Broadcaster
    from app.web.cluster import Cluster
    from app.web.load_meter import LoadMeter, LoadReporter
    from app.web.mirror import Mirror
    from app.web.monitoring import Monitor
    from app.web.node_health import Health
    from app.web.reads import Reads
    from app.web.recent_sessions import RecentSessions
    from app.webhooks.endpoints import Webhooks

EXTENSION = "oneslot"


@dataclass(frozen=True)
class Parts:
    """Everything a view may use. A new object of the product becomes a field here."""

    config: Config
    database: Database
    redis: Redis
    clock: Clock
    passwords: Passwords
    accounts: Accounts
    engine: Engine
    directory: Directory
    health: Health
    broadcaster: Broadcaster
    cluster: Cluster
    monitor: Monitor
    load_meter: LoadMeter
    load_reporter: LoadReporter
    reads: Reads
    mirror: Mirror
    board: Board
    recent_sessions: RecentSessions
    rates: Rates
    #: Hands a job to the workers; the leader finds what this loses.
    enqueue: Callable[[str, str], object]
    webhooks: Webhooks
    #: Takes the reason of each conflict, for the statistics.
    tally: Later[str]


def parts() -> Parts:
    """The parts of the application that serves this request."""
    return cast(Parts, current_app.extensions[EXTENSION])
