"""Starting and stopping: data stays, processes do not, and what is wrong is said in one line."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.processes import still_running
from tests.servers import eventually, throwaway_folder
from tests.system.running_stack import output_of, running_stack, start

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]


@pytest.fixture
def folder() -> Iterator[Path]:
    with throwaway_folder() as place:
        yield place


def test_a_second_start_finds_the_data_and_is_quick(folder: Path) -> None:
    with running_stack(folder, NODES="1") as first:
        with psycopg.connect(first.state["database_url"]) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        family = first.family()
        assert first.stop(signal.SIGTERM) == 0
        assert len(family) > 8
        assert still_running(family) == []

    with running_stack(folder, NODES="1") as second:
        with psycopg.connect(second.state["database_url"]) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        # The promise is 10 s on a machine of its own; tests share theirs.
        assert second.seconds_to_start < 30
        family = second.family()
        assert second.stop(signal.SIGINT) == 0

    assert still_running(family) == []
    assert not (folder / "run" / "stack.json").exists()


def test_a_killed_stack_leaves_no_process(folder: Path) -> None:
    with running_stack(folder, NODES="1") as stack:
        family = stack.family()

        os.kill(stack.child.pid, signal.SIGKILL)

        eventually(lambda: still_running(family) == [], 20, "the end of all")


def test_sqlite_and_the_balancer_are_enough_when_asked_for(folder: Path) -> None:
    with running_stack(folder, NODES="2", DB="sqlite") as stack:
        assert stack.state["database_url"] == f"sqlite:///{folder}/oneslot.sqlite3"
        assert "postgres" not in stack.state["pids"]
        assert {stack.get("/health")["server"] for _ in range(6)} == {"node-1", "node-2"}
        assert f"SQLite {folder}/oneslot.sqlite3" in stack.output


def test_a_second_stack_in_the_folder_is_refused_at_once(folder: Path) -> None:
    with running_stack(folder, NODES="1", DB="sqlite") as stack:
        second = start(folder, output="second.log")
        assert second.wait(30)

        assert second.exit_code == 1
        assert output_of(folder, "second.log").count("\n") == 1
        assert stack.state["base_url"] in output_of(folder, "second.log")


def test_a_busy_port_is_one_line_and_nothing_is_started(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        child = start(folder, HTTP_PORT=str(port))
        assert child.wait(30)

    assert child.exit_code == 1
    assert output_of(folder).count("\n") == 1
    assert f"port {port} for nginx is in use by" in output_of(folder)


def test_a_database_that_cannot_be_reached_is_named_without_its_password(folder: Path) -> None:
    child = start(folder, DATABASE_URL="postgresql://app:hunter2@127.0.0.1:1/x")
    assert child.wait(30)

    assert child.exit_code == 1
    assert "DATABASE_URL: cannot connect to 127.0.0.1:1" in output_of(folder)
    assert "hunter2" not in output_of(folder)
    assert "Traceback" not in output_of(folder)
