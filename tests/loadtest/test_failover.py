"""H14: what the failover test would call broken, shown on made-up histories."""

from datetime import UTC, datetime, timedelta

import pytest

from loadtest import cluster_view
from loadtest.bookers import Success, success_of
from loadtest.campaign import Campaign, report
from loadtest.check import Verdict, Violation
from loadtest.cluster_view import Leader, NodeOfStack, is_whole, leader_at, wait_for_successor
from loadtest.copies import Quiet
from loadtest.history import Entry, Outcome
from loadtest.invariants import Finding
from loadtest.strikes import Round
from loadtest.terms import Leadership, judge_rows
from loadtest.verdict import Evidence

START = datetime(2030, 1, 7, 9, tzinfo=UTC)
GOOD = Success(100, 100, 80, 80)
EQUAL = Quiet(0.4)


def at(seconds):
    return START + timedelta(seconds=seconds)


def term(epoch, node, began, ended=None):
    return epoch, node, at(began), None if ended is None else at(ended)


def sweep(node, seconds):
    return "id", node, at(seconds), '{"noticed_by": "sweep"}'


TERMS = [term(1, "node-1", 0, 10), term(2, "node-2", 10, 20), term(3, "node-1", 21)]


def test_writes_of_each_leader_in_its_own_term_are_good():
    sweeps = [sweep("node-1", 5), sweep("node-2", 15), sweep("node-1", 30)]

    found = judge_rows(TERMS, sweeps, first_epoch=1)

    assert (found.terms, found.leader_writes, found.faults) == (3, 3, ())


def test_a_write_of_a_deposed_leader_is_found():
    found = judge_rows(TERMS, [sweep("node-1", 15)], first_epoch=1)

    assert found.faults == (f"node-1 wrote at {at(15)} in the term of node-2",)


@pytest.mark.parametrize(
    "terms",
    [
        [term(1, "node-1", 0, 11), term(2, "node-2", 10)],
        [term(1, "node-1", 0), term(2, "node-2", 10)],
        [term(2, "node-1", 0, 5), term(2, "node-2", 10)],
        [term(1, "node-1", 12, 13), term(2, "node-2", 10)],
    ],
    ids=["overlap", "never ended", "twice", "went back"],
)
def test_terms_that_overlap_or_go_back_are_found(terms):
    assert judge_rows(terms, [], first_epoch=1).faults


def test_what_happened_before_the_run_is_not_judged():
    found = judge_rows(TERMS, [sweep("node-9", 5), sweep("node-2", 15)], first_epoch=2)

    assert (found.terms, found.leader_writes, found.faults) == (2, 1, ())


def call(key, out, at=0.0):
    return Entry(op=key, client="c", f="book", t_inv=at, t_ret=at + 1.0, out=out, key=key)


def test_a_wish_is_decided_when_any_of_its_repeats_was_answered():
    entries = [
        call("a", Outcome.INFO),
        call("a", Outcome.OK),
        call("b", Outcome.FAIL),
        call("c", Outcome.INFO),
    ]

    found = success_of(entries)

    assert (found.calls, found.answered, found.wishes, found.decided) == (4, 2, 3, 2)


def campaign(*rounds, success=GOOD, quiet=EQUAL):
    evidence = Evidence(Verdict((), 80, 80, 80))
    return Campaign("none", list(rounds), success, evidence, Leadership(3, 9, ()), quiet)


def struck(blow, seconds, new=True, was_fenced=None, at=0.0):
    successor = Leader("node-2", 2) if new else None
    return Round(blow, Leader("node-1", 1), successor, seconds, was_fenced, at)


def test_a_good_run_has_no_faults_and_shows_its_numbers():
    run = campaign(struck("kill", 6.5), struck("stop", 5.0, was_fenced=True), struck("term", 0.3))

    assert run.faults == []
    assert "1 of 1" in report(run)
    assert "100.00% of 80 wishes decided" in report(run)


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (campaign(struck("kill", 8.5)), "p99 after kill is 8.50 s"),
        (campaign(struck("term", 1.2)), "p99 after term is 1.20 s"),
        (campaign(struck("kill", 30.0, new=False)), "no new leader"),
        (campaign(struck("stop", 5.0, was_fenced=False)), "no refusal was shown"),
        (campaign(struck("kill", 5.0), success=Success(100, 100, 100, 98)), "only 98.00% of the wishes"),
        (campaign(struck("kill", 5.0), success=Success(100, 98, 100, 100)), "only 98.00% of the calls"),
        (campaign(struck("kill", 5.0), quiet=Quiet(None)), "did not equal the database"),
    ],
)
def test_a_broken_promise_is_told(run, word):
    assert any(word in fault for fault in run.faults)


def test_calls_are_counted_to_the_blow_before_them_and_the_lost_ones_are_named():
    entries = [call(f"k{n}", Outcome.OK, at=n) for n in range(4)]
    entries += [call("s1", Outcome.INFO, at=12.5), call("s2", Outcome.OK, at=13.0)]
    rounds = [struck("kill", 5.0, at=0.0), struck("stop", 5.0, at=12.0), struck("kill", 5.0, at=20.0)]
    run = Campaign("none", rounds, entries=entries)

    assert run.success_after("kill") == Success(4, 4, 4, 4)
    assert run.success_after("stop") == Success(2, 1, 2, 1)
    assert "1 nothing was said (0.5 to 0.5 s after a blow)" in report(run)


def test_double_bookings_are_counted_in_the_rows_and_in_the_history():
    twice = Finding("no slot has two live bookings", ((7, 2), (8, 2)))
    other = Finding("no fence was given twice", ((7, 3, 2),))
    told = Verdict((Violation("linearizable", "slot 9", ""), Violation("fences rise", "slot 9", "")), 2, 1, 2)

    assert Evidence(told, (twice, other)).double_bookings == 3


def test_a_run_without_evidence_proves_nothing():
    run = Campaign("none", [struck("kill", 5.0)], GOOD)

    assert len(run.faults) == 3


class Views:
    """What each node's /api/servers says; the same for as long as the test lasts, or step by step."""

    def __init__(self, monkeypatch, *steps):
        self.steps = list(steps)
        monkeypatch.setattr(cluster_view, "ask", self.ask)
        monkeypatch.setattr(cluster_view.time, "sleep", lambda _: None)

    def ask(self, url, _path):
        return (self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]).get(url)


def server(node, leads=False, epoch=None, status="up"):
    return {"id": node, "is_leader": leads, "epoch": epoch, "status": status}


NODES = [NodeOfStack("node-1", "u1", 1), NodeOfStack("node-2", "u2", 2)]
WHOLE = [server("node-1", True, 4), server("node-2")]


def test_a_cluster_is_whole_when_all_answer_and_agree(monkeypatch):
    Views(monkeypatch, {"u1": WHOLE, "u2": WHOLE})

    assert is_whole(NODES)
    assert leader_at("u2") == Leader("node-1", 4)


@pytest.mark.parametrize(
    "other",
    [
        None,
        [server("node-1", True, 4), server("node-2", status="suspect")],
        [server("node-1"), server("node-2")],
        [server("node-1"), server("node-2", True, 5)],
    ],
)
def test_a_cluster_is_not_whole_while_one_is_silent_doubtful_or_follows_another(monkeypatch, other):
    Views(monkeypatch, {"u1": WHOLE, "u2": other})

    assert not is_whole(NODES)


def test_a_successor_is_a_leader_of_a_later_epoch_only(monkeypatch):
    Views(
        monkeypatch,
        {"u2": [server("node-1", True, 4)]},
        {"u2": None},
        {"u2": [server("node-2", True, 5)]},
    )

    assert wait_for_successor(NODES[1:], Leader("node-1", 4), 5) == Leader("node-2", 5)
