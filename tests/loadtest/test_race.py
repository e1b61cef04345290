"""Whole races against the control: quiet with its guard, an alarm from every race without it."""

import pytest

from loadtest.control.scratch import control_server
from loadtest.history import read_history
from loadtest.race import RaceOrder, run_race, summary
from loadtest.race_rounds import MODES

CLIENTS = {"slot": 30, "interval": 30, "duplicates": 10}


def race(mode, tmp_path, *, is_guarded):
    order = RaceOrder(mode=mode, clients=CLIENTS[mode], rounds=2, history=tmp_path / "history.jsonl")
    with control_server(is_guarded=is_guarded) as target:
        return run_race(target, order, tell=lambda _: None)


@pytest.mark.parametrize("mode", MODES)
def test_a_guarded_system_passes_every_race(mode, tmp_path):
    result = race(mode, tmp_path, is_guarded=True)

    assert result.faults == []
    assert summary(result).endswith("PASSED")
    assert len(read_history(tmp_path / "history.jsonl")) > result.requests


@pytest.mark.parametrize("mode", MODES)
def test_an_unguarded_system_fails_every_race(mode, tmp_path):
    result = race(mode, tmp_path, is_guarded=False)

    assert any(done.faults for done in result.rounds)
    assert any(not finding.holds for finding in result.evidence.findings)
    assert "FAILED" in summary(result)


@pytest.mark.parametrize("mode", ["slot", "duplicates"])
def test_the_checker_alone_notices_the_missing_guard_from_what_clients_were_told(mode, tmp_path):
    result = race(mode, tmp_path, is_guarded=False)

    assert not result.evidence.verdict.is_good


def test_half_of_the_rounds_are_for_holds(tmp_path):
    result = race("slot", tmp_path, is_guarded=True)

    assert [done.kind for done in result.rounds] == ["instant", "hold"]
    assert [dict(done.told) for done in result.rounds] == [{"SLOT_TAKEN": 29}, {"SLOT_HELD": 29}]
