"""H15: what a wanderer would call a broken promise, shown by answers that break it."""

import random
from collections.abc import Mapping
from typing import Any

import pytest

from loadtest.answers import Answer
from loadtest.wanderers import Findings, Wanderer

DOORS = ("http://one", "http://two", "http://three")


class Node:
    """A wire to one door: answers as a node would, with what the test makes of the read."""

    def __init__(self, door: str, world: "World") -> None:
        self._door = door
        self._world = world

    def send(self, method: str, path: str, _body: Any, headers: Mapping[str, str], _name: str = "") -> Answer:
        self._world.asked.append((self._door, method, headers.get("X-Session-Token")))
        if method == "GET":
            slot = {"id": "7", **self._world.shown.pop(0)}
            told = {"x-served-consistency": self._world.served, "x-session-token": "after the read"}
            return Answer(status=200, body={"data": [slot]}, headers=told)
        data = {"id": "b", "manage_token": "m"}
        return Answer(status=200, body={"data": data}, headers={"x-session-token": "after the write"})

    def close(self) -> None:
        return


class World:
    def __init__(self, *shown: dict[str, Any], served: str = "causal") -> None:
        self.shown, self.served = list(shown), served
        self.asked: list[tuple[str, str, str | None]] = []

    def wander(self, tries: int) -> Findings:
        wires: dict[str, Any] = {door: Node(door, self) for door in DOORS}
        wanderer = Wanderer(DOORS, "d", "7", "2030-01-07", random.Random(1), wires=wires)
        return wanderer.wander(tries, float("inf"))


HELD, OPEN = {"state": "HELD", "version": 2}, {"state": "OPEN", "version": 3}


def test_who_sees_every_own_write_at_another_node_finds_nothing() -> None:
    world = World(HELD, OPEN, {"state": "HELD", "version": 4}, {"state": "OPEN", "version": 5})

    found = world.wander(4)

    assert (found.tries, found.examples, found.undecided) == (4, [], 0)
    pairs = list(zip(world.asked[::2], world.asked[1::2], strict=True))
    assert all(write[1] == "POST" and read[1] == "GET" for write, read in pairs)
    assert all(write[0] != read[0] for write, read in pairs)
    assert {read[2] for _, read in pairs} == {"after the write"}


@pytest.mark.parametrize(
    ("world", "kind"),
    [
        (World({"state": "OPEN", "version": 2}, OPEN), "missed_writes"),
        (World(HELD, {"state": "OPEN", "version": 1}), "went_back"),
        (World(HELD, OPEN, served="eventual"), "too_weak"),
    ],
)
def test_a_broken_promise_is_found(world: World, kind: str) -> None:
    found = world.wander(2)

    assert getattr(found, kind) >= 1
    assert found.examples[0].startswith(kind)


def test_what_several_found_is_added_up() -> None:
    together = Findings()

    for _ in range(3):
        together.add(World({"state": "OPEN", "version": 2}, OPEN).wander(2))

    assert (together.tries, together.missed_writes, len(together.read_seconds)) == (6, 3, 6)
    assert together.served == {"causal": 6}
    assert len(together.examples) == 3
