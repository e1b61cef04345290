"""One node as `make run` and a platform start it: gunicorn and its one coordinator."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import children_of, family_of, still_running
from tests.servers import ROOT, clean_environment, eventually
from worker.stack.ports import http_status, pick_free_port
from worker.stack.process import Child, Program

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture
def node(sqlite_url: str, redis_url: str, tmp_path: Path) -> Iterator[Child]:
    """A node with two workers that serves, and its coordinator."""
    port = pick_free_port()
    environment = clean_environment(
        NODE_ID="node-1",
        PORT=str(port),
        BIND_HOST="127.0.0.1",
        WEB_CONCURRENCY="2",
        DATABASE_URL=sqlite_url,
        REDIS_URL=redis_url,
    )
    argv = (sys.executable, "-m", "worker.node")
    child = Child(Program("node", argv, tmp_path / "node.log", ROOT, environment))
    eventually(lambda: http_status(port, "/health") == 200, 120, "the node's health")
    eventually(lambda: children_of(child.pid, "worker.coordinator"), 30, "its coordinator")
    yield child
    child.stop()


def test_a_node_has_one_coordinator_however_many_workers_and_however_often_it_dies(node: Child) -> None:
    masters = children_of(node.pid, "gunicorn")
    first = children_of(node.pid, "worker.coordinator")

    os.kill(first[0], signal.SIGKILL)
    second = eventually(
        lambda: set(children_of(node.pid, "worker.coordinator")) - set(first), what="the restart"
    )

    assert len(first) == len(second) == len(masters) == 1
    assert len(children_of(masters[0], "gunicorn")) == 2
    family = family_of(node.pid)
    node.ask_to_stop()
    assert node.wait(30)
    assert node.exit_code == 0
    assert still_running(family) == []


def test_a_node_whose_server_dies_ends_as_a_whole(node: Child) -> None:
    family = family_of(node.pid)

    os.kill(children_of(node.pid, "gunicorn")[0], signal.SIGKILL)

    assert node.wait(30)
    assert node.exit_code == 1
    eventually(lambda: still_running(family) == [], what="the end of all its processes")


def test_a_killed_node_takes_its_processes_with_it(node: Child) -> None:
    family = family_of(node.pid)

    os.kill(node.pid, signal.SIGKILL)

    node.wait(10)
    eventually(lambda: still_running(family) == [], what="the end of all its processes")
