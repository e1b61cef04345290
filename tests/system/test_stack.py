"""One stack that runs: who answers, and what happens when a part of it is killed."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import redis

from tests.servers import eventually, throwaway_folder
from tests.system.running_stack import RunningStack, post, running_stack
from worker.stack.ports import http_status, is_answering

# One process runs all of these (tests/scheduling.py), so that one stack is enough.
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    with (
        throwaway_folder() as folder,
        running_stack(folder, NODES="3", BOOKING_TIMEOUT_MINUTES="0.25") as running,
    ):
        yield running


def test_every_node_answers_through_the_balancer(stack: RunningStack) -> None:
    servers = {stack.get("/health")["server"] for _ in range(12)}

    assert servers == {"node-1", "node-2", "node-3"}


def test_every_node_can_be_reached_directly(stack: RunningStack) -> None:
    ports = [int(node["url"].rpartition(":")[2]) for node in stack.state["nodes"]]

    assert [http_status(port, "/health") for port in ports] == [200, 200, 200]


def test_a_killed_node_comes_back_on_its_port(stack: RunningStack) -> None:
    node = stack.state["nodes"][1]
    port = int(node["url"].rpartition(":")[2])

    os.killpg(node["pid"], signal.SIGKILL)
    eventually(lambda: stack.state["nodes"][1]["pid"] != node["pid"], what="the restart")
    eventually(lambda: http_status(port, "/health") == 200, 120, "the node's health")

    assert "node-2 was ended by SIGKILL, starts again" in stack.output


def test_requests_are_answered_while_a_node_is_gone(stack: RunningStack) -> None:
    node = stack.state["nodes"][2]
    port = int(node["url"].rpartition(":")[2])

    os.killpg(node["pid"], signal.SIGKILL)
    answers = [stack.get("/health")["success"] for _ in range(20)]

    assert all(answers)
    eventually(lambda: http_status(port, "/health") == 200, 120, "the node's health")


def test_a_slot_held_through_a_killed_node_is_free_at_its_deadline(stack: RunningStack) -> None:
    slot = stack.get("/api/slots?state=OPEN&limit=1")["data"][0]
    node = stack.state["nodes"][0]
    patient = {"patient_name": "Anna Example", "patient_email": "anna@example.org"}
    held = post(f"{node['url']}/api/bookings", {"slot_id": slot["id"], "hold": True, **patient})["data"]
    deadline = datetime.fromisoformat(held["expires_at"])

    os.killpg(node["pid"], signal.SIGKILL)
    with psycopg.connect(stack.state["database_url"], autocommit=True) as connection:
        freed_at = _when_swept(connection, int(slot["id"]))
    again = post(f"{stack.state['base_url']}/api/bookings", {"slot_id": slot["id"], **patient})["data"]

    assert timedelta(0) <= freed_at - deadline <= timedelta(seconds=2)
    assert again["status"] == "CONFIRMED"


def test_bookings_sent_to_a_frozen_node_are_made_once_by_another(stack: RunningStack) -> None:
    # A time is chosen for each, so that a second attempt would get another one.
    door = f"{stack.state['base_url']}/api/bookings/first-free"
    node = stack.state["nodes"][2]
    before = _bookings(stack.state["database_url"])

    os.killpg(node["pid"], signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(6) as people:
            held = list(people.map(lambda n: post(door, {}, Idempotency_Key=f"frozen-{n}"), range(6)))
    finally:
        os.killpg(node["pid"], signal.SIGCONT)
    eventually(lambda: http_status(int(node["url"].rpartition(":")[2]), "/health") == 200, 30)

    made = _bookings(stack.state["database_url"]) - before
    assert made == {each["data"]["id"] for each in held}
    assert len(made) == 6


def test_a_killed_redis_comes_back_with_what_it_had(stack: RunningStack) -> None:
    state = stack.state
    with redis.Redis.from_url(state["redis_url"]) as client:
        client.set("kept", "yes")

    os.kill(state["pids"]["redis"], signal.SIGKILL)
    eventually(lambda: stack.state["pids"]["redis"] != state["pids"]["redis"], what="the restart")
    eventually(lambda: is_answering(int(state["redis_url"].rpartition(":")[2].partition("/")[0])))

    with redis.Redis.from_url(state["redis_url"]) as client:
        eventually(lambda: _has_loaded(client), 30, "its data")
        assert client.get("kept") == b"yes"


def test_a_killed_database_comes_back_with_what_it_had(stack: RunningStack) -> None:
    state = stack.state
    with psycopg.connect(state["database_url"]) as connection:
        before = connection.execute("SELECT count(*) FROM doctors").fetchone()

    os.kill(state["pids"]["postgres"], signal.SIGKILL)
    eventually(lambda: stack.state["pids"]["postgres"] != state["pids"]["postgres"], 30, "the restart")
    eventually(lambda: _count_doctors(state["database_url"]) == before, 30, "the data")

    eventually(lambda: http_status(int(state["base_url"].rpartition(":")[2]), "/health") == 200, 30)


def test_a_killed_balancer_comes_back(stack: RunningStack) -> None:
    os.kill(stack.state["pids"]["nginx"], signal.SIGKILL)

    port = int(stack.state["base_url"].rpartition(":")[2])
    eventually(lambda: "nginx runs again" in stack.output, what="the restart")
    eventually(lambda: http_status(port, "/health") == 200, 30)


def test_nothing_listens_beyond_this_machine(stack: RunningStack) -> None:
    lines = Path("/proc/net/tcp").read_text().splitlines()
    listening = [line.split() for line in lines if line.split()[3] == "0A"]
    inodes = {fields[9]: fields[1].partition(":")[0] for fields in listening}
    ours = {link for pid in stack.family() for link in _sockets_of(pid)}

    addresses = {address for inode, address in inodes.items() if f"socket:[{inode}]" in ours}
    assert addresses == {"0100007F"}  # 127.0.0.1, as the kernel writes it


def _has_loaded(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.BusyLoadingError:
        return False


def _bookings(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {str(each) for (each,) in connection.execute("SELECT id FROM bookings")}


def _count_doctors(url: str) -> tuple[int] | None:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT count(*) FROM doctors").fetchone()
    except psycopg.OperationalError:
        return None


def _sockets_of(pid: int) -> list[str]:
    found = []
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        except OSError:
            continue
    return found


def _when_swept(connection: psycopg.Connection, slot_id: int) -> datetime:
    """The database's time at which the slot was first seen OPEN again."""
    while True:
        state, now = connection.execute(
            "SELECT state, clock_timestamp() FROM slots WHERE id = %s", [slot_id]
        ).fetchone()
        if state == "OPEN":
            return now
        time.sleep(0.05)
