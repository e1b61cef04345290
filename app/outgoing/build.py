"""Makes the one caller of a process."""

from __future__ import annotations

from app.config import Config
from app.outgoing.addresses import parse_allowed
from app.outgoing.caller import Caller


def build_caller(config: Config) -> Caller:
    """A caller under the operator's rules."""
    return Caller(parse_allowed(config.outgoing_allowed), config.outgoing_http)
