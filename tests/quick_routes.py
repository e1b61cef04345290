"""Werkzeug writes, compiles and runs two functions for each of 260 routes, which is most of what building an
application takes, and the applications of more than a thousand tests have the same routes."""

from collections.abc import Callable
from typing import Any

from werkzeug.routing import Rule

_written = Rule._compile_builder
_known: dict[tuple[object, ...], Callable[..., Any]] = {}


def _remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
    key = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
    if key not in _known:
        _known[key] = _written(rule, append_unknown)
    return _known[key]


def remember_routes() -> None:
    """From now on these functions are written once per process. They are methods and know no application."""
    Rule._compile_builder = _remembered
