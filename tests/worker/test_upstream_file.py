"""The balancer's file in a real nginx: only what nginx accepted is ever in force."""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.coordination.balancing import Plan, Policy, Share, render
from tests.servers import eventually, throwaway_folder
from tests.worker.stack.backends import Backend, running_backend
from worker.stack import nginx
from worker.stack.ports import LOOPBACK, is_answering, pick_free_port
from worker.stack.process import Child, wait_until
from worker.stack.settings import Node
from worker.upstream_file import NotReloaded, UpstreamFile


@dataclass
class Gate:
    """A running nginx before three nodes."""

    folder: Path
    port: int
    nodes: dict[str, Backend]
    file: UpstreamFile
    child: Child

    def plan(self, policy: Policy = Policy.WEIGHTED, **weights: int) -> Plan:
        shares = [
            Share(name, f"{LOOPBACK}:{node.port}", weights.get(name, 0)) for name, node in self.nodes.items()
        ]
        return Plan(policy, tuple(shares))

    def served_by(self, count: int) -> list[str]:
        answers = []
        for _ in range(count):
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self.port}/", timeout=5) as answer:
                answers.append(json.load(answer)["backend"])
        return answers


@pytest.fixture
def gate() -> Iterator[Gate]:
    with ExitStack() as running:
        folder = running.enter_context(throwaway_folder()) / "nginx"
        nodes = {name: running.enter_context(running_backend(name)) for name in ("one", "two", "three")}
        port = pick_free_port()
        placed = [Node(name, node.port) for name, node in nodes.items()]
        configuration = nginx.write_configuration(folder, port, placed, pick_free_port())
        found = nginx.find_nginx()
        child = Child(nginx.program(found, configuration, folder.parent / "nginx.log"))
        running.callback(child.stop)
        wait_until(lambda: is_answering(port), child, 10)
        yield Gate(folder, port, nodes, UpstreamFile(folder, str(found.path)), child)


def test_a_node_without_weight_gets_nothing_after_the_reload(gate: Gate) -> None:
    gate.file.replace(render(gate.plan(one=1, three=1)))

    eventually(lambda: set(gate.served_by(4)) == {"one", "three"}, what="the reload")
    assert "two" not in gate.served_by(20)


def test_shares_follow_the_weights(gate: Gate) -> None:
    gate.file.replace(render(gate.plan(one=5, two=3, three=2)))

    # A reload begins a new count; whole turns of ten tell the shares exactly.
    eventually(lambda: sorted(gate.served_by(10)).count("one") == 5, what="the reload")
    answers = gate.served_by(40)

    assert {name: answers.count(name) for name in gate.nodes} == {"one": 20, "two": 12, "three": 8}


@pytest.mark.parametrize(
    "wrong", ["upstream nodes { }\n", "upstream nodes { server nowhere.invalid:1; }\n", "{"]
)
def test_what_nginx_refuses_never_takes_the_place_of_the_last_good_file(gate: Gate, wrong: str) -> None:
    before = gate.file.read()

    with pytest.raises(NotReloaded, match="emerg"):
        gate.file.replace(wrong)

    assert gate.file.read() == before
    assert set(gate.served_by(6)) == {"one", "two", "three"}
    assert sorted(file.name for file in gate.folder.glob("*.conf")) == [
        "events.conf",
        "nginx.conf",
        "upstream.conf",
    ]


def test_the_file_waits_for_an_nginx_that_does_not_run(gate: Gate) -> None:
    gate.child.kill()

    with pytest.raises(NotReloaded, match="does not run"):
        gate.file.replace(render(gate.plan(one=1)))

    assert gate.file.read() == render(gate.plan(one=1))


def test_a_process_that_has_the_number_of_a_dead_nginx_is_left_alone(gate: Gate) -> None:
    gate.child.kill()
    (gate.folder / "nginx.pid").write_text("1\n")

    with pytest.raises(NotReloaded, match="does not run"):
        gate.file.replace(render(gate.plan(one=1)))


def test_without_an_nginx_here_it_says_so(tmp_path: Path) -> None:
    file = UpstreamFile(tmp_path, "nginx")

    assert file.read() == ""
    with pytest.raises(NotReloaded, match=r"nginx\.conf"):
        file.replace(render(Plan(Policy.ROUND_ROBIN, (Share("one", "a:1", 1),))))
