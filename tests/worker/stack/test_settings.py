"""What `make run` takes from the environment."""

import socket
from pathlib import Path

import pytest

from worker.stack.errors import StackError
from worker.stack.ports import is_free, pick_free_port, pick_free_ports
from worker.stack.programs import Addresses, AppPrograms, Balancer
from worker.stack.settings import read_env_file, read_settings

FREE = {"PORTS": "free"}
BALANCER = Balancer(Path("run/nginx"), "nginx")


def test_three_nodes_unless_told_otherwise() -> None:
    assert [node.id for node in read_settings(FREE).nodes] == ["node-1", "node-2", "node-3"]
    assert len(read_settings({**FREE, "NODES": "5"}).nodes) == 5


def test_node_ports_follow_each_other_from_the_one_asked_for() -> None:
    first = next(port for port in pick_free_ports(200) if _are_free(port, 3))

    settings = read_settings({**FREE, "NODE_BASE_PORT": str(first)})

    assert [node.port for node in settings.nodes] == [first, first + 1, first + 2]


def test_a_busy_port_is_named_with_its_process_and_the_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(
            StackError, match=rf"port {port} for nginx is in use by .*\(pid \d+\).*HTTP_PORT=<port>"
        ):
            read_settings({**FREE, "HTTP_PORT": str(port)})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NODES", "many"),
        ("NODES", "0"),
        ("NODES", "-1"),
        ("HTTP_PORT", "80.5"),
        ("HTTP_PORT", "70000"),
        ("DB", "mysql"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(variable: str, value: str) -> None:
    with pytest.raises(StackError, match=f"{variable}={value}"):
        read_settings({**FREE, variable: value})


def test_an_empty_variable_counts_as_absent() -> None:
    settings = read_settings({**FREE, "NODES": "", "DB": "", "DATABASE_URL": ""})

    assert len(settings.nodes) == 3
    assert settings.database_url is None
    assert not settings.wants_sqlite


def test_a_settings_file_is_read_as_a_shell_would(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\n\nNODES=5\nMAIL_FROM='Desk <desk@example.org>'\nexport LOG_LEVEL=debug\n")

    assert read_env_file(file) == {"NODES": "5", "MAIL_FROM": "Desk <desk@example.org>", "LOG_LEVEL": "debug"}


def test_what_belongs_to_one_process_does_not_leak_into_all(tmp_path: Path) -> None:
    given = {**FREE, "ONESLOT_VAR": str(tmp_path), "PORT": "1", "DYNO": "web.7", "WEB_CONCURRENCY": "4"}
    settings = read_settings(given)

    programs = AppPrograms(settings, Addresses("sqlite:///x", "redis://x", "smtp://x"), BALANCER)
    node, events = programs.node(settings.nodes[0]).env, programs.events().env

    assert node
    assert events
    assert (node["NODE_ID"], node["PORT"]) == ("node-1", str(settings.nodes[0].port))
    assert (events["NODE_ID"], events["PORT"]) == ("events", str(settings.events_port))
    assert (node["WEB_CONCURRENCY"], events["WEB_CONCURRENCY"]) == ("4", "1")
    assert "DYNO" not in node


def test_every_node_is_told_where_all_coordinators_answer() -> None:
    """So that they find each other even when Redis and the database are both away."""
    settings = read_settings(FREE)
    programs = AppPrograms(settings, Addresses("sqlite:///x", "redis://x", "smtp://x"), BALANCER)
    environments = {node.id: programs.node(node).env or {} for node in settings.nodes}

    ports = {node: env["RPC_PORT"] for node, env in environments.items()}
    told = {env["CLUSTER_PEERS"] for env in environments.values()}
    assert len(set(ports.values())) == 3
    assert told == {",".join(f"{node}=http://127.0.0.1:{port}" for node, port in ports.items())}


def test_the_clock_of_one_node_is_made_wrong_on_request() -> None:
    settings = read_settings({**FREE, "CLOCK_SKEW_MS": "node-2=2000"})
    programs = AppPrograms(settings, Addresses("sqlite:///x", "redis://x", "smtp://x"), BALANCER)

    skews = [(programs.node(node).env or {})["CLOCK_SKEW_MS"] for node in settings.nodes]

    assert skews == ["0", "2000", "0"]


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATA_KEY"])
def test_every_process_shares_one_secret_that_stays(tmp_path: Path, name: str) -> None:
    settings = read_settings({**FREE, "ONESLOT_VAR": str(tmp_path)})
    addresses = Addresses("sqlite:///x", "redis://x", "smtp://x")

    secrets = {(AppPrograms(settings, addresses, BALANCER).migrate().env or {})[name] for _ in "12"}

    assert len(secrets) == 1
    assert len(secrets.pop()) >= 32
    assert (tmp_path / "secrets" / name.lower()).stat().st_mode & 0o077 == 0


def test_free_ports_differ() -> None:
    assert len(set(pick_free_ports(50))) == 50


def _are_free(first: int, count: int) -> bool:
    return all(is_free(port) for port in range(first, first + count))


def test_a_free_port_can_be_listened_on() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", pick_free_port()))
        server.listen()
