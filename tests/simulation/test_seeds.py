"""A few seeds of every scenario in each ordinary test run; `make simulate` runs many."""

import pytest

from app.algorithms.lease import EpochLedger
from tests.simulation.__main__ import main, run_chunk
from tests.simulation.engine import Host, Nemesis, Network, ViolationError, World
from tests.simulation.scenarios import RULES, first_violation, what_never_happened

SEEDS = 40


@pytest.mark.parametrize("name", RULES)
def test_every_invariant_holds_and_every_fault_really_happens(name):
    _, _, counts, failures = run_chunk((name, range(SEEDS)))

    assert failures == []
    assert what_never_happened(name, counts) == {}


@pytest.mark.parametrize("name", RULES)
def test_the_same_seed_gives_the_same_world(name):
    one, other = RULES[name].scenario(7, trace=True), RULES[name].scenario(7, trace=True)

    assert one.run() == other.run()
    assert one.world.lines == other.world.lines
    assert one.world.lines


def test_a_run_in_which_nothing_happens_is_called_vacuous():
    _, _, counts, _ = run_chunk(("bully", range(SEEDS)))
    counts["stale writes refused"] = 0

    assert what_never_happened("bully", counts) == {"stale writes refused": 0}


def test_no_violation_is_found_where_there_is_none():
    assert first_violation("quorums", range(5)) is None


def test_the_command_reports_progress_counts_and_success(capsys):
    assert main(["--seeds", "60", "--only", "quorums", "--workers", "1"]) == 0

    printed = capsys.readouterr().out
    assert "quorums: 60 of 60 seeds passed" in printed
    assert "read repairs" in printed
    assert "all invariants held" in printed


def test_a_failing_seed_is_named_and_can_be_replayed(monkeypatch, capsys):
    monkeypatch.setattr(EpochLedger, "accepts", lambda self, epoch: True)
    seed = first_violation("bully", range(100)).removeprefix("seed ").split(":")[0]

    assert main(["--seeds", "100", "--only", "bully", "--workers", "1"]) == 1
    assert f"--only bully --seed {seed} --trace" in capsys.readouterr().out

    assert main(["--only", "bully", "--seed", seed, "--trace"]) == 1
    replayed = capsys.readouterr().out
    assert "ViolationError" in replayed
    assert "leads in epoch" in replayed


def test_a_seed_that_passes_is_replayed_without_a_trace(capsys):
    assert main(["--only", "clocks", "--seed", "3"]) == 0
    assert capsys.readouterr().out.strip() == "clocks seed 3: passed"


def world_of_two():
    world = World("network")
    hosts = {name: Host(world, name) for name in ("a", "b")}
    return world, hosts, Network(world, hosts)


def test_a_cut_works_in_one_direction_only():
    world, _, network = world_of_two()
    network.cuts.add(("a", "b"))
    arrived = []

    network.send("a", "b", lambda *message: arrived.append(message), "there")
    network.send("b", "a", lambda *message: arrived.append(message), "back")
    world.run(1.0, lambda: None)

    assert arrived == [("b", "back")]


def test_a_paused_host_does_everything_later_and_a_crashed_one_nothing():
    world, hosts, _ = world_of_two()
    done = []
    hosts["a"].soon(1.0, lambda: done.append(("a", world.now)))
    hosts["b"].soon(1.0, lambda: done.append(("b", world.now)))
    hosts["a"].pause(5.0)
    hosts["b"].crash()
    hosts["b"].start()

    world.run(9.0, lambda: None)

    assert done == [("a", 5.0)]


def test_a_clock_that_runs_fast_fires_its_timers_early():
    world, hosts, _ = world_of_two()
    hosts["a"].rate = 2.0
    fired = []
    hosts["a"].soon(1.0, lambda: fired.append(world.now))

    world.run(1.0, lambda: None)

    assert fired == [0.5]
    assert hosts["a"].steady() == 2.0


def test_the_nemesis_heals_all_it_broke():
    world, hosts, network = world_of_two()
    nemesis = Nemesis(world, network, list(hosts.values()), lambda name: None)
    nemesis.rage(until=60.0, every=0.5)
    world.run(60.0, lambda: None)

    nemesis.heal()

    assert all(host.is_up and not host.is_paused() for host in hosts.values())
    assert network.cuts == set()
    assert network.loss == 0


def test_a_broken_promise_says_when_and_what():
    world = World("engine")
    world.now = 1.5

    with pytest.raises(ViolationError, match=r"at 1.500 s: 7 is not 8"):
        world.require(False, "{} is not {}", 7, 8)
