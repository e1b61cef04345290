"""No booking decision reads a replica or a multi-master value (K13, K14): by imports and by types."""

from __future__ import annotations

import dataclasses
import inspect
import pkgutil
import tomllib
import typing
from pathlib import Path

import app.booking
from app.booking import actions
from app.booking.engine import Act, Engine

ROOT = Path(__file__).resolve().parents[2]
COPIES = ("app.coordination.replication", "app.booking.repli", "app.algorithms.replica")
#: Modules that show copies; nothing else of booking may.
SHOWING = {"replicated", "replica_slots"}


def contract() -> dict[str, list[str]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (found,) = [
        each for each in settings["tool"]["importlinter"]["contracts"] if "never a copy" in each["name"]
    ]
    return found


def test_every_module_of_booking_but_the_showing_ones_is_under_the_contract() -> None:
    modules = {module.name for module in pkgutil.iter_modules(app.booking.__path__)}

    kept = {name.removeprefix("app.booking.") for name in contract()["source_modules"]}

    assert modules - SHOWING <= kept


def test_the_contract_names_every_kind_of_copy() -> None:
    assert set(contract()["forbidden_modules"]) >= {
        "app.coordination.replication",
        "app.booking.replicated",
        "app.algorithms.replica",
        "app.algorithms.quorum",
        "app.algorithms.registers",
    }


def test_nothing_an_action_stands_on_is_a_copy() -> None:
    types = [typing.get_type_hints(each) for each in (Engine, Act)]

    assert all(dataclasses.is_dataclass(each) for each in (Engine, Act))
    assert not [
        str(kind) for hints in types for kind in hints.values() if any(c in str(kind) for c in COPIES)
    ]


def test_no_action_takes_a_copy() -> None:
    functions = [each for name in actions.__all__ if inspect.isfunction(each := getattr(actions, name))]

    hints = [str(kind) for each in functions for kind in typing.get_type_hints(each).values()]

    assert len(functions) >= 8
    assert not [hint for hint in hints if any(copy in hint for copy in COPIES)]
