"""The frame: duties plug in, show their state, and say good-bye in order; the log of the cluster is kept."""

import pytest

from app.coordination import cluster_log
from app.coordination.cluster_log import NOTICED, SENT
from app.database import Database
from app.errors import Unavailable
from tests.keys import KEYRING
from tests.worker.coordinator.lab import Lab
from worker.coordinator.frame import Coordinator, Duty


class Probe(Duty):
    every_seconds = 1.0

    def __init__(self, name, log):
        self.name, self.log, self.fails = name, log, False

    def begin(self, now):
        self.log.append(f"{self.name} begins")

    def tick(self, now):
        self.log.append(f"{self.name} ticks")
        if self.fails:
            raise ValueError("a bug")

    def document(self, now):
        return {"ticks": self.log.count(f"{self.name} ticks")}

    def end(self):
        self.log.append(f"{self.name} ends")


@pytest.fixture
def lab():
    return Lab(count=1)


@pytest.fixture
def frame(lab):
    return lab.nodes["node-1"].frame


@pytest.fixture
def database(database_url):
    database = Database(database_url, keyring=KEYRING)
    yield database
    database.dispose()


def plug(lab, frame, *duties):
    frame.methods._methods.pop("state.read")
    coordinator = Coordinator(frame, duties)
    frame.loop.post(coordinator.start)
    return coordinator


def test_duties_begin_in_order_tick_in_their_time_and_end_in_the_opposite_order(lab, frame):
    log = []
    coordinator = plug(lab, frame, Probe("a", log), Probe("b", log))
    lab.advance(2.2)
    coordinator.stop()
    coordinator.stop()
    lab.advance(0.2)

    assert log[:4] == ["a begins", "a ticks", "b begins", "b ticks"]
    assert log.count("a ticks") == 3
    assert [line for line in log if line.endswith("ends")] == ["b ends", "a ends"]


def test_a_duty_that_fails_is_tried_again_and_disturbs_nobody(lab, frame):
    log = []
    broken, sound = Probe("broken", log), Probe("sound", log)
    broken.fails = True
    coordinator = plug(lab, frame, sound, broken)
    lab.advance(3.2)

    state = coordinator.state()

    assert (state["broken"], state["sound"]) == ({"ticks": 4}, {"ticks": 4})


def test_the_state_of_a_node_is_one_document_without_secrets(lab):
    lab.advance(3)
    node = lab.nodes["node-1"]

    state = node.frame.client.call("node-1", "state.read")

    assert {"membership", "election", "clocks", "load", "sweep"} <= state.keys()
    assert node.frame.config.secret_key not in str(state)


def test_the_log_is_stored_once_and_read_back_by_kind(lab, frame, database):
    frame.chronicle.sent("node-2", "ELECTION", "bully-1", "is anyone stronger?", 3)
    frame.chronicle.noticed("leader.fenced", "a write was refused", 2)
    for _ in range(2):
        frame.chronicle.save(database)

    with database.read() as connection:
        sent = cluster_log.latest(connection, (SENT,), 10)
        noticed = cluster_log.latest(connection, (NOTICED,), 10)

    assert [(each["name"], each["receiver"], each["epoch"]) for each in sent] == [("ELECTION", "node-2", 3)]
    assert [each["name"] for each in noticed] == ["leader.fenced"]
    assert noticed[0]["lamport"] > sent[0]["lamport"]


def test_what_could_not_be_stored_is_stored_later(lab, frame, database):
    class Away:
        def run(self, work):
            raise Unavailable("away")

    frame.chronicle.noticed("node.dead", "node-2 is dead")
    with pytest.raises(Unavailable):
        frame.chronicle.save(Away())

    frame.chronicle.save(database)

    with database.read() as connection:
        assert [each["name"] for each in cluster_log.latest(connection, (NOTICED,), 10)] == ["node.dead"]


def test_only_the_latest_entries_are_kept(lab, frame, database, monkeypatch):
    monkeypatch.setattr(cluster_log, "KEPT_ENTRIES", 3)
    for number in range(8):
        frame.chronicle.noticed("node.dead", str(number))
    frame.chronicle.save(database)

    database.run(cluster_log.prune)

    with database.read() as connection:
        assert [each["text"] for each in cluster_log.latest(connection, (NOTICED,), 10)] == ["5", "6", "7"]


def test_a_worker_that_falls_silent_no_longer_counts(lab):
    node = lab.nodes["node-1"]
    report = {"worker": "11", "in_flight": 4, "requests": 9, "failures": 0, "p95_ms": 12.5, "cpu": 0.5}
    node.frame.client.call("node-1", "load.report", report)
    lab.advance(1)
    assert node.members.card().connections == 4

    lab.advance(6)

    assert node.members.card().connections == 0


def test_workers_of_other_nodes_do_not_report_here():
    lab = Lab(count=2)
    lab.advance(1)
    report = {"worker": "11", "in_flight": 4, "requests": 9, "failures": 0, "p95_ms": None, "cpu": 0.5}

    with pytest.raises(Exception, match="REFUSED"):
        lab.nodes["node-1"].frame.client.call("node-2", "load.report", report)
