"""Oneslot: a booking system that never gives one slot to two people.

create_app() builds every object of a web node and plugs them together; nothing else does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apiflask import APIFlask
    from redis import Redis

    from app.accounts.actions import Accounts
    from app.clock import Clock
    from app.config import Config
    from app.coordination.rates import Rates
    from app.coordination.stamps import Stamper
    from app.database import Database
    from app.web.parts import Parts
    from app.webhooks.endpoints import Webhooks


def create_app(config: Config | None = None) -> APIFlask:
    """The WSGI application, from these settings or the environment's."""
    # Imported here: a migration or a worker imports this package and needs no web framework.
    from app.config import Config
    from app.key_check import require_keys
    from app.logs import configure_logs
    from app.web.application import build_application

    config = config or Config.from_env(os.environ)
    configure_logs(config)
    parts = build_parts(config)
    require_keys(parts.database)
    return build_application(parts)


def create_event_server(config: Config | None = None) -> APIFlask:
    """The WSGI application of a process that serves event streams alone."""
    from app.clock import SystemClock
    from app.config import Config
    from app.coordination.changes import ChangeFeed
    from app.coordination.connection import connect_redis
    from app.database import Database
    from app.logs import configure_logs
    from app.web.broadcast import Broadcaster
    from app.web.event_server import EventParts, build_event_server
    from app.web.node_health import Health

    config = config or Config.from_env(os.environ)
    configure_logs(config, "events")
    clock, redis = SystemClock(config.clock_skew_ms), connect_redis(config.redis_url)
    database = Database(config.database_url, config.db_pool_size, config.keyring)
    broadcaster = Broadcaster(lambda: ChangeFeed(redis, database, clock))
    health = Health(config, database, redis, clock)
    return build_event_server(EventParts(config, database, redis, clock, health, broadcaster))


def build_parts(config: Config) -> Parts:
    """The objects the views work with."""
    from app.booking.build import build_engine
    from app.booking.replicated import ReplicatedSlots
    from app.booking.tally import build_tally
    from app.clock import SystemClock
    from app.coordination import keys
    from app.coordination.breaker import Breaker
    from app.coordination.changes import ChangeFeed
    from app.coordination.connection import connect_redis
    from app.coordination.replication.bell import Bell
    from app.coordination.replication.bus import Bus
    from app.coordination.replication.feed import Feed
    from app.coordination.replication.node_replica import NodeReplica
    from app.coordination.rpc.client import Client
    from app.coordination.rpc.http import HttpTransport
    from app.coordination.rpc.peers import AddressBook, Peer
    from app.coordination.rpc.seal import Seal
    from app.database import Database
    from app.directory.directory import Directory
    from app.queue import JobQueue, enqueue_later
    from app.web.board import Board
    from app.web.broadcast import Broadcaster
    from app.web.cluster import Cluster
    from app.web.load_meter import LoadMeter, LoadReporter
    from app.web.mirror import Mirror
    from app.web.monitoring import build_monitor
    from app.web.neighbour import Neighbour
    from app.web.node_health import Health
    from app.web.origins import origin_of_request
    from app.web.parts import Parts
    from app.web.reads import Reads
    from app.web.recent_sessions import RecentSessions
    from app.web.session_tokens import note_positions

    database = Database(config.database_url, config.db_pool_size, config.keyring)
    redis = connect_redis(config.redis_url)
    clock = SystemClock(config.clock_skew_ms)
    enqueue = enqueue_later(JobQueue(redis, Breaker(clock)))
    engine = build_engine(config, database, redis, clock, enqueue, note_positions)
    # Only this node's own coordinator is called from here, and that is always on this machine.
    book = AddressBook([Peer(config.node_id, config.local_rpc_address)])
    seal = Seal(config.secret_key, config.node_id, config.earlier_secrets)
    client = Client(seal, HttpTransport(), engine.stamper, clock, book)
    broadcaster = Broadcaster(lambda: ChangeFeed(redis, database, clock))
    meter = LoadMeter(clock, lambda: broadcaster.wired)
    cluster = Cluster(config, clock, database, client)
    replica = NodeReplica(clock)
    neighbour = Neighbour(client, config.node_id, replica, clock)
    accounts = _build_accounts(config, database, engine.stamper)
    bus, bell = Bus(redis, Breaker(clock)), Bell(redis, clock, keys.BUS_CHANNEL)
    return Parts(
        config=config,
        database=database,
        redis=redis,
        clock=clock,
        passwords=accounts.passwords,
        accounts=accounts,
        engine=engine,
        directory=Directory(
            database, engine.stamper, config.node_id, engine.publish, note_positions, origin_of_request
        ),
        health=Health(config, database, redis, clock),
        broadcaster=broadcaster,
        cluster=cluster,
        monitor=build_monitor(config, clock, database, client, cluster, broadcaster),
        load_meter=meter,
        load_reporter=LoadReporter(meter, client, config.node_id),
        reads=Reads(database, replica, ReplicatedSlots(replica), neighbour),
        board=Board(client, config.node_id, clock),
        recent_sessions=RecentSessions(clock),
        rates=_build_rates(redis, database, clock),
        enqueue=enqueue,
        tally=build_tally(database, clock),
        webhooks=_build_webhooks(config, accounts),
        mirror=Mirror(
            neighbour,
            Feed(replica, database, bus, bell, clock, neighbour.pull, engine.stamper.receive_change),
        ),
    )


def _build_accounts(config: Config, database: Database, stamper: Stamper) -> Accounts:
    from app.accounts.actions import Accounts
    from app.accounts.passwords import Passwords
    from app.audit.journal import Scribe

    passwords = Passwords(cheap=config.app_env == "test")
    return Accounts(database, passwords, Scribe(config.node_id, stamper))


def _build_webhooks(config: Config, accounts: Accounts) -> Webhooks:
    from app.outgoing.build import build_caller
    from app.webhooks.endpoints import Webhooks
    from app.webhooks.secrets import WebhookKeys

    keys = WebhookKeys.of(config.secrets)
    return Webhooks(accounts.database, accounts.scribe, build_caller(config), keys)


def _build_rates(redis: Redis, database: Database, clock: Clock) -> Rates:
    from app.coordination.breaker import Breaker
    from app.coordination.rates import Rates
    from app.web.headcount import Headcount

    return Rates(redis, Breaker(clock), clock, Headcount(database, clock))
