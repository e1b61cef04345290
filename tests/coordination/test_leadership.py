"""One leader at a time, and whose writes count when two believe they lead."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from app.algorithms.election import LeaseGranted, LeaseRefused
from app.algorithms.lease import LeaseHome
from app.clock import ManualClock
from app.coordination import keys
from app.coordination.breaker import Breaker
from app.coordination.leadership import Deposed, Leadership, Term, require_term
from app.database import Database, db_now
from app.tables import LeaderState, LeaderTerm
from tests.lineup import is_waiting
from tests.servers import RunningRedis, eventually
from tests.together import together

NO_REDIS = "redis://127.0.0.1:1/0"


class Candidate:
    """A node that wants to lead, as its coordinator asks the lease's server."""

    def __init__(self, leadership: Leadership, node_id: str) -> None:
        self.leadership = leadership
        self.node_id = node_id

    def campaign(self, home: LeaseHome = LeaseHome.REDIS) -> Term | None:
        answer = self.leadership.campaign(1, "bully", home)
        return Term(self.node_id, answer.epoch, 0.0) if isinstance(answer, LeaseGranted) else None

    def renew(self, term: Term, home: LeaseHome = LeaseHome.REDIS) -> Term | None:
        answer = self.leadership.renew(2, term.epoch, home)
        return term if isinstance(answer, LeaseGranted) else None

    def resign(self, term: Term) -> None:
        self.leadership.release(term.epoch, "the test says so")


Campaigner = Callable[..., Candidate]


@pytest.fixture
def node_of(
    connect: Callable[[str], Redis],
    open_database: Callable[[str], Database],
    clock: ManualClock,
    redis_url: str,
) -> Campaigner:
    """node_of(database_url, "node-1") stands for election; each node has connections of its own."""

    def make(database: str, node_id: str, redis: str = redis_url, life: int = 1) -> Candidate:
        leadership = Leadership(open_database(database), connect(redis), Breaker(clock), node_id, life)
        return Candidate(leadership, node_id)

    return make


@pytest.fixture
def node(node_of: Campaigner, database_url: str) -> Campaigner:
    return partial(node_of, database_url)


@pytest.fixture
def redis(connect: Callable[[str], Redis], redis_url: str) -> Redis:
    return connect(redis_url)


def elected(candidate: Candidate) -> Term:
    term = candidate.campaign()
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


def test_a_refused_candidate_is_told_who_leads_and_for_how_long(node: Campaigner) -> None:
    elected(node("node-1"))

    refused = node("node-2").leadership.campaign(7, "ring", LeaseHome.REDIS)

    assert isinstance(refused, LeaseRefused)
    assert refused.lease is not None
    assert (refused.request, refused.lease.node, refused.lease.epoch) == (7, "node-1", 1)
    assert 4 < refused.lease.remaining_seconds <= 6


def test_the_history_says_which_election_won_and_why_a_term_ended(
    node: Campaigner, database: Database
) -> None:
    leader = node("node-1")
    leader.resign(elected(leader))

    with database.read() as connection:
        ended = connection.execute(select(LeaderTerm)).one()

    assert (ended.algorithm, ended.end_reason) == ("bully", "the test says so")


def test_a_node_without_redis_does_not_lead_while_the_others_have_it(node: Campaigner) -> None:
    leader = node("node-1")
    term = elected(leader)

    assert leader.renew(term, LeaseHome.NOWHERE) is None
    assert node("node-2").campaign(LeaseHome.NOWHERE) is None


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

    with pytest.raises(Deposed):
        sleeper.resign(old)

    assert act_as(database, new)
    assert successor.renew(new) is not None
    assert node("node-3").campaign() is None


def test_a_late_resignation_leaves_the_lease_of_the_next_own_term(
    node: Campaigner, database: Database, redis: Redis
) -> None:
    leader = node("node-1")
    old = elected(leader)
    let_leases_end(database, redis)
    new = elected(leader)

    with pytest.raises(Deposed):
        leader.resign(old)

    assert redis.get(keys.LEADER_LEASE) == f"node-1#1|{new.epoch}".encode()


def test_a_leader_that_starts_again_follows_itself_with_a_new_epoch(
    node: Campaigner, database: Database
) -> None:
    before = elected(node("node-1"))

    after = elected(node("node-1", redis=NO_REDIS, life=2))

    assert after.epoch == before.epoch + 1
    assert not act_as(database, before)


def test_the_lease_of_a_former_life_in_redis_is_waited_for(node: Campaigner, redis: Redis) -> None:
    """It may still be acted upon by a process that hangs; it lapses within seconds."""
    elected(node("node-1"))

    assert node("node-1", life=2).campaign() is None
    redis.delete(keys.LEADER_LEASE)
    assert elected(node("node-1", life=2)).epoch == 2


def test_giving_back_twice_is_harmless(node: Campaigner) -> None:
    leader = node("node-1")
    term = elected(leader)

    leader.resign(term)
    leader.resign(term)

    assert elected(node("node-2")).epoch == term.epoch + 1


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


def test_what_redis_says_alone_does_not_end_a_term(
    node: Campaigner, database: Database, redis: Redis
) -> None:
    """Another may hold its lease for a moment, before SQL refuses it; and Redis may lie."""
    leader = node("node-1")
    term = elected(leader)
    redis.set(keys.LEADER_LEASE, "node-2#1|99")

    assert leader.renew(term) is not None
    assert act_as(database, term)


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
