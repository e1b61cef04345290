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
            token = f"read at {self._door}"
            told = {"x-served-consistency": self._world.served, "x-session-token": token}
            return Answer(status=200, body={"data": [slot]}, headers=told)
        data = {"id": "b", "manage_token": "m"}
        return Answer(status=200, body={"data": data}, headers={"x-session-token": "after the write"})

    def begin(self, path: str, headers: Mapping[str, str]) -> None:
        self._answer = self.send("GET", path, None, headers)

    def end(self) -> Answer:
        return self._answer

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
EARLIER = {"state": "OPEN", "version": 1}


def test_every_own_write_is_looked_for_at_all_other_nodes_with_the_token_of_the_write() -> None:
    world = World(HELD, HELD, OPEN, OPEN)

    found = world.wander(4)

    assert (found.tries, found.examples, found.undecided) == (4, [], 0)
    for write, *reads in (world.asked[:3], world.asked[3:]):
        assert [method for _, method, _ in (write, *reads)] == ["POST", "GET", "GET"]
        assert {door for door, _, _ in (write, *reads)} == set(DOORS)
        assert {token for _, _, token in reads} == {"after the write"}
    assert world.asked[3][2] == f"read at {world.asked[2][0]}"


@pytest.mark.parametrize(
    ("world", "kind"),
    [
        (World(HELD, EARLIER), "missed_writes"),
        (World(HELD, HELD, OPEN, EARLIER), "went_back"),
        (World(HELD, HELD, served="eventual"), "too_weak"),
    ],
)
def test_a_broken_promise_is_found(world: World, kind: str) -> None:
    found = world.wander(len(world.shown))

    assert getattr(found, kind) >= 1
    assert found.examples[0].startswith(kind)


def test_only_what_the_kept_token_covers_must_be_seen_again() -> None:
    later, kept = {"state": "HELD", "version": 9}, {"state": "HELD", "version": 2}

    assert World(later, kept, OPEN, OPEN).wander(4).went_back == 0
    assert World(kept, later, OPEN, OPEN).wander(4).went_back == 2


def test_what_several_found_is_added_up() -> None:
    together = Findings()

    for _ in range(3):
        together.add(World(HELD, EARLIER).wander(2))

    assert (together.tries, together.missed_writes, len(together.read_seconds)) == (6, 3, 6)
    assert together.served == {"causal": 6}
    assert len(together.examples) == 3
