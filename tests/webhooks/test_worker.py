"""The leader's rounds and a real worker: killed in mid-delivery, deposed in mid-round; nothing is lost."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from app.clock import SystemClock
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.coordination.leadership import ROLE, Deposed, Term
from app.queue import JobQueue
from app.tables import LeaderState
from tests.servers import ROOT, clean_environment, eventually
from tests.webhooks.office import Office
from worker.coordinator.webhooks import Webhooks
from worker.stack.process import Child, Program

TERM, DEPOSED = Term("node-1", 2, float("inf")), Term("node-1", 1, float("inf"))
CONFIRMED = ["booking.confirmed"]
StartWorker = Callable[[], Child]


@pytest.fixture
def office(postgres_office: Office) -> Office:
    with postgres_office.parts.database.transaction() as tx:
        tx.execute(insert(LeaderState).values(role=ROLE, epoch=2, node="node-1"))
    return postgres_office


@pytest.fixture
def leader(office: Office, redis_url: str) -> Webhooks:
    return Webhooks(office.sender, JobQueue(connect_redis(redis_url), Breaker(SystemClock())).enqueue)


@pytest.fixture
def start_worker(office: Office, redis_url: str, tmp_path: Path) -> Iterator[StartWorker]:
    children: list[Child] = []
    settings = {
        "DATABASE_URL": office.parts.config.database_url,
        "REDIS_URL": redis_url,
        "OUTGOING_ALLOWED": "127.0.0.1",
        "OUTGOING_HTTP": "true",
    }

    def start() -> Child:
        log = tmp_path / f"worker-{len(children)}.log"
        argv = (sys.executable, "-m", "worker.rq_worker")
        children.append(Child(Program("rq worker", argv, log, ROOT, clean_environment(**settings))))
        eventually(lambda: "Worker started" in log.read_text(), 20, "the worker's start")
        return children[-1]

    yield start
    for child in children:
        child.kill()


@pytest.mark.system
def test_a_worker_killed_in_mid_delivery_loses_nothing(
    office: Office, leader: Webhooks, start_worker: StartWorker
) -> None:
    receiver = office.receiver(lambda _: time.sleep(4))
    webhook = office.register(receiver.url, CONFIRMED)
    victim = start_worker()
    office.book()
    office.tie()
    leader.relay(TERM)
    eventually(lambda: receiver.requests, what="the request")
    os.kill(victim.pid, signal.SIGKILL)

    receiver.answer = 200
    start_worker()
    leader.deliver(TERM)
    in_the_victims_hands = office.deliveries(webhook)[0]["state"]
    office.let_claims_lapse()
    office.let_pauses_end()

    def is_delivered() -> bool:
        leader.deliver(TERM)
        return office.deliveries(webhook)[0]["state"] == "delivered"

    eventually(is_delivered, 30, "the second delivery")
    assert in_the_victims_hands == "waiting"
    assert len(receiver.requests) == 2
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


def test_a_deposed_leader_relays_nothing(office: Office, leader: Webhooks) -> None:
    webhook = office.register("http://127.0.0.1:9/", CONFIRMED)
    office.book()
    office.tie()

    with pytest.raises(Deposed):
        leader.relay(DEPOSED)
    by_the_deposed = office.deliveries(webhook)
    leader.relay(TERM)

    assert by_the_deposed == []
    assert len(office.deliveries(webhook)) == 1
