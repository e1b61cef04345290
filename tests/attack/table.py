"""The table: a number, what is tried, and how it is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.attack.field import Field

Attack = Callable[[Field], str]


@dataclass(frozen=True)
class Row:
    """Tried live, or by tests that take the product apart where no client can reach, or not applicable."""

    number: int
    title: str
    attack: Attack | None = None
    tests: tuple[str, ...] = ()
    reason: str = ""


ROWS: dict[int, Row] = {}


def live(number: int, title: str, *tests: str) -> Callable[[Attack], Attack]:
    """Registers a row that is tried on the running stack, and the tests that go with it."""

    def register(attack: Attack) -> Attack:
        ROWS[number] = Row(number, title, attack, tests)
        return attack

    return register


def by_tests(number: int, title: str, *tests: str) -> None:
    ROWS[number] = Row(number, title, None, tests)


def not_applicable(number: int, title: str, reason: str) -> None:
    ROWS[number] = Row(number, title, None, (), reason)
