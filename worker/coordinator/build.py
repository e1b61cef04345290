"""Plugs one coordinator together: its frame, its duties in order, and the doors through which it is
called."""

from __future__ import annotations

from pathlib import Path

import structlog
from sqlalchemy import Connection

from app.accounts.retention import forget_what_is_old
from app.algorithms.wire import replica_gossip
from app.booking.actions import expire_due_holds
from app.booking.auditor import Auditor
from app.booking.build import build_engine
from app.booking.counters import fold_counts
from app.booking.engine import Engine
from app.clock import Clock, SystemClock
from app.config import Config
from app.coordination import cluster_log, keys, membership, outbox
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.coordination.heartbeats import Heartbeats
from app.coordination.leadership import Leadership, Term, require_term
from app.coordination.replication import heartbeat
from app.coordination.replication.bell import Bell
from app.coordination.replication.bus import Bus
from app.coordination.replication.relay import Relay
from app.coordination.rpc.client import Client
from app.coordination.rpc.desk import Desk
from app.coordination.rpc.doors import Doors, open_transport
from app.coordination.rpc.methods import Methods
from app.coordination.rpc.peers import AddressBook, Peer, this_machine
from app.coordination.rpc.seal import Seal
from app.coordination.stamps import Stamper
from app.database import Database
from app.errors import Unavailable
from app.notices import reminders
from app.queue import JobQueue
from app.status_board.board_file import BoardFile
from app.status_board.deltas import read_message
from worker.coordinator.audit import Audit
from worker.coordinator.balancer import Balancer
from worker.coordinator.board import Board
from worker.coordinator.board_archive import BoardArchive
from worker.coordinator.chronicle import Chronicle
from worker.coordinator.clocks import Clocks
from worker.coordinator.election import Election
from worker.coordinator.frame import Coordinator, Frame
from worker.coordinator.gossip import Gossiping, Topic
from worker.coordinator.history import History
from worker.coordinator.leader_work import LeaderWork
from worker.coordinator.load import Load
from worker.coordinator.loop import Backgrounds, Loop
from worker.coordinator.membership import Membership
from worker.coordinator.notary import ROUND_SECONDS, Notary
from worker.coordinator.operator import Operator
from worker.coordinator.quorum import Quorum
from worker.coordinator.replication import Replication
from worker.coordinator.survey import Survey
from worker.coordinator.timekeeper import Timekeeper
from worker.coordinator.webhooks import Webhooks
from worker.jobs import build_account_sender, build_sender, build_webhook_sender
from worker.postman import Postman

POOL_SIZE = 12
TRIMMED_AT_ONCE = 2000
log = structlog.get_logger("coordinator")


def build(config: Config) -> tuple[Coordinator, Doors]:
    """The coordinator, and the doors to open before it runs and to close after."""
    clock = SystemClock(config.clock_skew_ms)
    database = Database(config.database_url, POOL_SIZE, config.keyring)
    redis = connect_redis(config.redis_url)
    breaker = Breaker(clock)
    queue = JobQueue(redis, breaker)
    engine = build_engine(config, database, redis, clock, queue.enqueue)
    loop = Loop(clock)
    methods = Methods(loop.ask)
    seal = Seal(config.secret_key, config.node_id, config.earlier_secrets)
    doors = Doors(config, Desk(seal, methods, engine.stamper, clock))
    config = config.model_copy(update={"rpc_port": doors.port})
    peers = [Peer(node, url, this_machine()) for node, url in config.cluster_peers.items()]
    peers.append(Peer(config.node_id, config.local_rpc_address, this_machine()))
    frame = Frame(
        config=config,
        incarnation=_join(config, database, engine.stamper, clock),
        clock=clock,
        database=database,
        redis=redis,
        breaker=breaker,
        stamper=engine.stamper,
        loop=loop,
        methods=methods,
        client=Client(seal, open_transport(config), engine.stamper, clock, AddressBook(peers)),
        chronicle=Chronicle(config.node_id, clock, engine.stamper),
        background=Backgrounds(loop),
    )
    members = Membership(frame, Heartbeats(redis, breaker))
    election = Election(
        frame, members, Leadership(database, redis, breaker, config.node_id, frame.incarnation)
    )
    postman = Postman(build_sender(config, database), queue.enqueue)
    account_mails = build_account_sender(config, database)
    webhooks = Webhooks(build_webhook_sender(config, database), queue.enqueue)
    clocks = Clocks(frame, members, election)
    replication = Replication(frame, members)
    topic = Topic(
        "replica",
        replication.replica,
        replica_gossip,
        replication.replica.merge,
        replication.diverged,
        replication.replica.unchanging,
    )
    gossiping = Gossiping(frame, members, topic)
    board_file = BoardFile(Path(config.board_folder) / f"{config.node_id}.sqlite3", config.node_id)
    board = Board(frame, members, board_file, clocks.illness)
    board_topic = Topic("board", board.board, read_message, board.merge, never_diverges)
    bus, bell = Bus(redis, breaker), Bell(redis, clock, keys.EVENTS_CHANNEL)
    relay = Relay(database, bus, bell, clock)
    duties = [
        members,
        election,
        clocks,
        Timekeeper(frame, members, election, clocks),
        Load(frame, members),
        Balancer(frame, members, election),
        History(frame, members),
        Operator(frame, election),
        LeaderWork(
            frame, election, "sweep", 0.5, lambda term: expire_due_holds(engine, term), clocks.distrust
        ),
        LeaderWork(frame, election, "notices", 2.0, lambda _term: postman.start_round()),
        LeaderWork(frame, election, "notary", ROUND_SECONDS, Notary(config, database, clock).work),
        LeaderWork(frame, election, "retention", 600.0, lambda term: forget(database, config, term)),
        LeaderWork(frame, election, "account-mails", 5.0, lambda _term: account_mails.deliver_due()),
        LeaderWork(frame, election, "reminders", 20.0, lambda term: remind(database, term), clocks.distrust),
        LeaderWork(frame, election, "webhook-relay", 0.5, webhooks.relay),
        LeaderWork(frame, election, "webhooks", 1.0, webhooks.deliver),
        LeaderWork(frame, election, "webhook-tidying", 60.0, webhooks.tidy),
        Audit(frame, election, Auditor(database, clock)),
        LeaderWork(frame, election, "log-pruning", 60.0, lambda term: prune_log(database, term)),
        LeaderWork(frame, election, "heartbeat", 1.0, lambda term: tell_heartbeat(database, engine, term)),
        LeaderWork(frame, election, "relay", 0.5, relay.run, at_once_again=True),
        LeaderWork(frame, election, "count-folding", 5.0, lambda term: fold_counts(database, term)),
        LeaderWork(frame, election, "outbox-trimming", 30.0, lambda term: trim_outbox(database, term)),
        replication,
        gossiping,
        Quorum(frame, members, replication, gossiping),
        board,
        Gossiping(frame, members, board_topic),
        BoardArchive(frame, board),
    ]
    coordinator = Coordinator(frame, duties)
    Survey(frame, members, coordinator.state)
    return coordinator, doors


def never_diverges(text: str) -> None:
    raise AssertionError(f"boards are healed by merging, but this one {text}")


def tell_heartbeat(database: Database, engine: Engine, term: Term) -> None:
    """Beat, and wake the relay."""
    heartbeat.beat(database, term)
    engine.publish({"type": "heartbeat"})


def forget(database: Database, config: Config, term: Term) -> None:
    """What is old enough not to be kept any more."""

    def work(tx: Connection) -> int:
        require_term(tx, term)
        return forget_what_is_old(tx, config.retention_days)

    database.run(work)


def remind(database: Database, term: Term) -> None:
    """Queue what is due; the round for notices sends it within a second."""

    def work(tx: Connection) -> None:
        require_term(tx, term)
        reminders.queue_due(tx)

    database.run(work)


def trim_outbox(database: Database, term: Term) -> None:
    def work(tx: Connection) -> int:
        require_term(tx, term)
        return outbox.trim(tx, TRIMMED_AT_ONCE)

    database.run(work)


def prune_log(database: Database, term: Term) -> None:
    def work(tx: Connection) -> None:
        require_term(tx, term)
        cluster_log.prune(tx)

    database.run(work)


def _join(config: Config, database: Database, stamper: Stamper, clock: Clock) -> int:
    """This life's number. During an outage of the database the time of day has to do: it rises too."""
    now_ms = int(clock.now().timestamp() * 1000)
    try:
        joined = database.run(lambda tx: membership.join(tx, config.node_id, config.address, now_ms))
    except Unavailable as error:
        log.warning("Joined without the database.", detail=error.detail)
        return now_ms
    stamper.resume(joined.lamport, joined.hybrid)
    return joined.incarnation
