"""What the environment may say about the cluster, and what production refuses."""

import pytest

from app.clock import SystemClock
from app.config import Config, ConfigError

PRODUCTION = {
    "APP_ENV": "production",
    "SECRET_KEY": "x7" * 20,
    "DATA_KEY": "d7" * 20,
    "BASE_URL": "https://book.example.org",
}


def test_a_wrong_clock_on_purpose_is_refused_in_production():
    """So that nobody demonstrates a fault where people book."""
    assert Config.from_env(PRODUCTION).clock_skew_ms == 0
    with pytest.raises(ConfigError, match="CLOCK_SKEW_MS"):
        Config.from_env({**PRODUCTION, "CLOCK_SKEW_MS": "1"})


@pytest.mark.parametrize("skew_ms", [-2000, 2000])
def test_a_skewed_clock_is_wrong_by_what_was_asked_and_its_durations_are_right(skew_ms):
    right, wrong = SystemClock(), SystemClock(skew_ms)

    assert (wrong.now() - right.now()).total_seconds() == pytest.approx(skew_ms / 1000, abs=0.2)
    assert wrong.elapsed() == pytest.approx(right.elapsed(), abs=0.2)


def test_peers_are_named_with_their_addresses():
    config = Config.from_env({"CLUSTER_PEERS": "node-1=http://10.0.0.1:6001, node-2=http://10.0.0.2:6001"})

    assert config.cluster_peers == {"node-1": "http://10.0.0.1:6001", "node-2": "http://10.0.0.2:6001"}


@pytest.mark.parametrize("given", ["node-1", "node-1=10.0.0.1:6001", "=http://10.0.0.1", "node-1=ftp://x"])
def test_a_list_of_peers_that_is_none_is_refused(given):
    with pytest.raises(ConfigError, match="CLUSTER_PEERS"):
        Config.from_env({"CLUSTER_PEERS": given})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ELECTION_ALGORITHM", "dictator"),
        ("RPC_TRANSPORT", "pigeon"),
        ("NODE_WEIGHT", "0"),
        ("RPC_PORT", "-1"),
    ],
)
def test_a_setting_of_the_cluster_that_cannot_be_used_is_named(name, value):
    with pytest.raises(ConfigError, match=name):
        Config.from_env({name: value})


def test_workers_call_their_coordinator_on_this_machine_wherever_it_listens():
    everywhere = {"RPC_HOST": "0.0.0.0", "RPC_PORT": "6001", "RPC_URL": "http://10.0.0.1:6001"}
    config = Config.from_env(everywhere)

    assert config.rpc_address == "http://10.0.0.1:6001"
    assert config.local_rpc_address == "http://127.0.0.1:6001"
    assert Config.from_env({}).local_rpc_address is None
