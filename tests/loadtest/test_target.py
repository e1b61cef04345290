import argparse
import json

import pytest

from loadtest.target import NoTarget, add_target_flags, is_loopback, target_of


@pytest.fixture
def options(tmp_path, monkeypatch):
    monkeypatch.delenv("BASE_URL", raising=False)

    def parse(*flags):
        parser = argparse.ArgumentParser()
        add_target_flags(parser)
        return parser.parse_args(["--stack-file", str(tmp_path / "stack.json"), *flags])

    return parse


@pytest.fixture
def stack(tmp_path):
    told = {
        "base_url": "http://127.0.0.1:8080",
        "nodes": [{"id": "node-1", "url": "http://127.0.0.1:5001", "pid": 1}],
        "database_url": "sqlite:///x.db",
        "redis_url": "redis://127.0.0.1:6379/0",
    }
    (tmp_path / "stack.json").write_text(json.dumps(told))


@pytest.mark.usefixtures("stack")
def test_the_running_stack_is_found_with_all_its_doors(options):
    target = target_of(options())

    assert target.doors == ("http://127.0.0.1:8080", "http://127.0.0.1:5001")
    assert target.redis_url == "redis://127.0.0.1:6379/0"


@pytest.mark.usefixtures("stack")
def test_another_base_url_does_not_take_nodes_and_database_from_the_stack_file(options, monkeypatch):
    monkeypatch.setenv("BASE_URL", "http://127.0.0.1:9999/")

    target = target_of(options())

    assert target.doors == ("http://127.0.0.1:9999",)
    assert target.database_url is None


def test_without_a_stack_there_is_nothing_to_test(options):
    with pytest.raises(NoTarget, match="No stack is running"):
        target_of(options())


def test_a_foreign_host_is_refused_unless_its_owner_says_so(options):
    with pytest.raises(NoTarget, match="not on this machine"):
        target_of(options("--base-url", "https://clinic.example.org"))

    owned = target_of(options("--base-url", "https://clinic.example.org", "--i-own-this-host"))
    assert owned.base_url == "https://clinic.example.org"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:8080", True),
        ("http://localhost:8080", True),
        ("http://localhost.example.org", False),
        ("http://10.0.0.1", False),
        ("http://0.0.0.0:80", False),
        ("redis://127.0.0.1:6379/0", True),
    ],
)
def test_only_loopback_addresses_are_on_this_machine(url, expected):
    assert is_loopback(url) is expected
