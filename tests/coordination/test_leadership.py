"""One leader at a time, and whose writes count when two believe they lead."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from app.clock import ManualClock
from app.coordination import keys
from app.coordination.breaker import Breaker
from app.coordination.leadership import (
    LEASE_SECONDS,
    SAFETY_SECONDS,
    Deposed,
    Leadership,
    Term,
    require_term,
)
from app.database import Database, db_now
from app.tables import LeaderState, LeaderTerm
from tests.lineup import is_waiting
from tests.servers import RunningRedis, eventually
from tests.together import together

NO_REDIS = "redis://127.0.0.1:1/0"
Campaigner = Callable[..., Leadership]


@pytest.fixture
def node_of(
    connect: Callable[[str], Redis],
    open_database: Callable[[str], Database],
    clock: ManualClock,
    redis_url: str,
) -> Campaigner:
    """node_of(database_url, "node-1") stands for election; each node has connections of its own."""

    def make(database: str, node_id: str, redis: str = redis_url) -> Leadership:
        return Leadership(open_database(database), connect(redis), Breaker(clock), clock, node_id)

    return make


@pytest.fixture
def node(node_of: Campaigner, database_url: str) -> Campaigner:
    return partial(node_of, database_url)


@pytest.fixture
def redis(connect: Callable[[str], Redis], redis_url: str) -> Redis:
    return connect(redis_url)


def elected(leadership: Leadership) -> Term:
    term = leadership.campaign()
    assert term is not None
    return term


def let_database_lease_end(database: Database) -> None:
    with database.transaction() as tx:
        tx.execute(update(LeaderState).values(lease_until=db_now(-1)))


def let_leases_end(database: Database, redis: Redis) -> None:
    redis.delete(keys.LEADER_LEASE)
    let_database_lease_end(database)


def act_as(database: Database, term: Term) -> bool:
    """Whether a transaction in the name of the term is accepted."""
    try:
        database.run(lambda tx: require_term(tx, term))
    except Deposed:
        return False
    return True


def history(database: Database) -> list[tuple[int, str, bool]]:
    """Epoch, node, and whether it ended."""
    with database.read() as connection:
        query = select(LeaderTerm.epoch, LeaderTerm.node, LeaderTerm.ended_at).order_by(LeaderTerm.epoch)
        return [(row.epoch, row.node, row.ended_at is not None) for row in connection.execute(query)]


def test_the_first_to_campaign_leads_and_the_others_do_not(node: Campaigner, database: Database) -> None:
    term = node("node-1").campaign()
    others = [node("node-2").campaign(), node("node-3").campaign()]

    assert term is not None
    assert (term.node, term.epoch) == ("node-1", 1)
    assert others == [None, None]
    assert act_as(database, term)


@pytest.mark.parametrize("redis_is", ["up", "down"])
def test_of_nodes_that_campaign_at_once_one_leads(
    node: Campaigner, database: Database, redis_is: str
) -> None:
    options = {"redis": NO_REDIS} if redis_is == "down" else {}
    nodes = [node(f"node-{number}", **options) for number in range(6)]

    terms = [term for term in together([candidate.campaign for candidate in nodes]) if term]

    assert len(terms) == 1
    assert history(database) == [(1, terms[0].node, False)]


def test_a_term_must_be_renewed_before_its_lease_ends(node: Campaigner, clock: ManualClock) -> None:
    leader = node("node-1")
    began = clock.elapsed()
    term = elected(leader)
    clock.advance(2)

    renewed = leader.renew(term)

    assert term.deadline == began + LEASE_SECONDS - SAFETY_SECONDS
    assert renewed == Term("node-1", 1, term.deadline + 2)


def test_the_deadline_counts_from_before_the_question(
    node: Campaigner, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = node("node-1")
    hold_lease = leader._hold_lease

    def slowly() -> bool | None:
        answer = hold_lease()
        clock.advance(3)
        return answer

    monkeypatch.setattr(leader, "_hold_lease", slowly)

    term = elected(leader)

    assert term.deadline - clock.elapsed() == LEASE_SECONDS - SAFETY_SECONDS - 3


def test_a_lease_that_ended_goes_to_the_next_with_a_higher_epoch(
    node: Campaigner, database: Database, redis: Redis
) -> None:
    first, second = node("node-1"), node("node-2")
    old = elected(first)
    let_leases_end(database, redis)

    new = elected(second)

    assert new.epoch == old.epoch + 1
    assert first.renew(old) is None
    assert history(database) == [(1, "node-1", True), (2, "node-2", False)]


def test_a_deposed_leader_is_refused_however_late_it_wakes(
    node: Campaigner, database: Database, redis: Redis
) -> None:
    old = elected(node("node-1"))
    let_leases_end(database, redis)
    new = elected(node("node-2"))

    accepted = (act_as(database, old), act_as(database, new))

    assert accepted == (False, True)


def test_a_resigned_term_is_refused_and_the_next_leads_at_once(node: Campaigner, database: Database) -> None:
    first = node("node-1")
    old = elected(first)

    first.resign(old)
    new = elected(node("node-2"))

    assert new.epoch == old.epoch + 1
    assert not act_as(database, old)


def test_a_resigned_term_is_refused_before_anybody_follows(node: Campaigner, database: Database) -> None:
    leader = node("node-1")
    term = elected(leader)

    leader.resign(term)

    assert not act_as(database, term)
    assert leader.renew(term) is None


def test_a_late_resignation_does_not_end_the_next_term(
    node: Campaigner, database: Database, redis: Redis
) -> None:
    sleeper, successor = node("node-1"), node("node-2")
    old = elected(sleeper)
    let_leases_end(database, redis)
    new = elected(successor)

    sleeper.resign(old)

    assert act_as(database, new)
    assert successor.renew(new) is not None
    assert node("node-3").campaign() is None


def test_a_leader_that_starts_again_follows_itself_with_a_new_epoch(
    node: Campaigner, database: Database
) -> None:
    before = elected(node("node-1"))

    after = elected(node("node-1"))

    assert after.epoch == before.epoch + 1
    assert not act_as(database, before)


def test_without_redis_the_lease_in_the_database_decides(node: Campaigner, database: Database) -> None:
    leader = node("node-1", redis=NO_REDIS)
    term = elected(leader)

    rival = node("node-2", redis=NO_REDIS).campaign()
    renewed = leader.renew(term)
    let_database_lease_end(database)
    successor = elected(node("node-2", redis=NO_REDIS))

    assert rival is None
    assert renewed is not None
    assert successor.epoch == term.epoch + 1
    assert leader.renew(term) is None


def test_a_leader_of_the_database_lease_is_not_ousted_when_redis_returns(
    node: Campaigner, database: Database
) -> None:
    term = elected(node("node-1", redis=NO_REDIS))

    rival = node("node-2").campaign()

    assert rival is None
    assert act_as(database, term)
    assert node("node-1").renew(term) is not None


def test_an_emptied_redis_makes_no_second_leader(node: Campaigner, database: Database, redis: Redis) -> None:
    leader = node("node-1")
    term = elected(leader)
    redis.flushall()

    rival = node("node-2").campaign()

    assert rival is None
    assert leader.renew(term) is not None
    assert act_as(database, term)


def test_a_leader_whose_lease_another_took_steps_down(node: Campaigner, redis: Redis) -> None:
    leader = node("node-1")
    term = elected(leader)
    redis.set(keys.LEADER_LEASE, "node-2")

    assert leader.renew(term) is None


def test_a_redis_that_dies_during_a_term_does_not_end_it(
    node: Campaigner, database: Database, own_redis: RunningRedis
) -> None:
    leader = node("node-1", redis=own_redis.url)
    term = elected(leader)
    own_redis.kill()

    renewed = leader.renew(term)

    assert renewed is not None
    assert act_as(database, renewed)


def test_a_new_epoch_waits_for_the_open_transaction_of_the_old_one(
    node_of: Campaigner, open_database: Callable[[str], Database], postgres_url: str, redis: Redis
) -> None:
    """So no write of an old epoch can commit after the new leader has begun to act."""
    database = open_database(postgres_url)
    old = elected(node_of(postgres_url, "node-1"))
    let_leases_end(database, redis)
    successor = node_of(postgres_url, "node-2")
    order: list[str] = []

    def campaign() -> Any:
        term = successor.campaign()
        order.append("new epoch")
        return term

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as tx:
            require_term(tx, old)
            running = pool.submit(campaign)
            eventually(lambda: is_waiting(database), 2, "the new epoch waits")
            order.append("old write")
        new = running.result()

    assert order == ["old write", "new epoch"]
    assert new.epoch == old.epoch + 1
    assert not act_as(database, old)
