"""Columns whose texts are sealed in the database and clear in Python, with the keys of the database they
are read from. Their marks are what can be asked for: a sealed text equals no other, not even itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Dialect, Text
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.sql.operators import OperatorType, is_, is_not
from sqlalchemy.types import TypeDecorator

from app.sealing import Keyring, open_document, seal_document


class _EqualsNothing(TypeDecorator.Comparator[str]):
    """Every sealing is another, so a comparison would be false without a word."""

    def operate(self, op: OperatorType, *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        # SQLAlchemy itself looks for columns among columns this way.
        if op not in (is_, is_not) and not all(isinstance(each, ColumnElement) for each in other):
            raise AssertionError("sealed texts equal nothing; compare the marks (app.sealed_columns)")
        return super().operate(op, *other, **kwargs)


class Sealed(TypeDecorator[str]):
    """A text that only the product can read."""

    impl = Text
    cache_ok = True
    comparator_factory = _EqualsNothing

    def __init__(self, purpose: str) -> None:
        super().__init__()
        self.purpose = purpose

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring_of(dialect).seal(self.purpose, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else keyring_of(dialect).open(self.purpose, value)


class SealedAnswer(TypeDecorator[dict[str, Any]]):
    """A document whose contact fields only the product can read."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None else seal_document(keyring_of(dialect), value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return value if value is None else open_document(keyring_of(dialect), value)


def keyring_of(dialect: Dialect) -> Keyring:
    """The keys of the database that speaks this dialect object; see app.database.Database."""
    keyring: Keyring | None = getattr(dialect, "keyring", None)
    if keyring is None:
        raise AssertionError("this database was opened without keys: give it Config.keyring")
    return keyring


def mark_of(column: str, purpose: str) -> Callable[[DefaultExecutionContext], str | None]:
    """The default of a mark's column: the mark of the text that is inserted beside it."""

    def mark(context: DefaultExecutionContext) -> str | None:
        beside = context.get_current_parameters()  # type: ignore[no-untyped-call]
        return keyring_of(context.dialect).mark(purpose, beside.get(column))

    return mark


def marks_of(connection: Connection, purpose: str, text: str) -> list[str]:
    """What to look for among the marks to find this text."""
    return keyring_of(connection.dialect).marks(purpose, text)
