"""What one visitor has read and written, as a signed token that goes with them from node to node.

A version vector (D. Terry et al., "Session Guarantees for Weakly Consistent Replicated Data", PDIS 1994): a
replica that covers it shows nobody less than they have seen or done. Signed, so that nobody can ask for a
future that never comes."""

from __future__ import annotations

import hashlib
import hmac
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import orjson

from app.algorithms.logical_clocks import VersionVector

MOST_STREAMS = 32
LONGEST_TOKEN = 3000
SIGNATURE_BYTES = 16


@dataclass(frozen=True)
class Session:
    """`seen` lists streams, the least recently touched first. What was dropped from it was committed before
    `until` (seconds, the database's clock)."""

    seen: tuple[tuple[str, int], ...] = ()
    until: float = 0.0

    def after(self, seen: Mapping[str, int], now: float) -> Session:
        """The session once this was seen too; `now` is not before any commit that it knows of."""
        known = dict(self.seen)
        for stream, seq in seen.items():
            known[stream] = max(seq, known.pop(stream, 0))
        kept = tuple(known.items())[-MOST_STREAMS:]
        return Session(kept, max(self.until, now) if len(known) > MOST_STREAMS else self.until)

    def at_least(self, until: float) -> Session:
        """The session that has seen everything committed before this time."""
        return Session(self.seen, max(self.until, until))

    def is_met_by(
        self, vector: VersionVector, complete_until: float | None, streams: Collection[str] | None
    ) -> bool:
        """Whether a replica shows what was seen of these streams (None: of all)."""
        asked = {s: seq for s, seq in self.seen if streams is None or s in streams}
        if not vector.covers(VersionVector(asked)):
            return False
        is_spelled_out = streams is not None and asked.keys() >= set(streams)
        return self.until == 0 or is_spelled_out or (complete_until or 0.0) >= self.until


def write_token(secret: str, session: Session) -> str:
    content = orjson.dumps([math.ceil(session.until * 1000), session.seen])
    return f"{_text(content)}.{_text(_sign(secret, content))}"


def read_token(secret: str, token: str) -> Session | None:
    """The session, or None for what is no token of ours."""
    content, _, signature = token.partition(".")
    try:
        read, signed = _bytes(content), _bytes(signature)
    except ValueError:
        return None
    if len(token) > LONGEST_TOKEN or not hmac.compare_digest(_sign(secret, read), signed):
        return None
    until_ms, seen = orjson.loads(read)
    return Session(tuple((str(stream), int(seq)) for stream, seq in seen), until_ms / 1000)


def _sign(secret: str, content: bytes) -> bytes:
    return hmac.new(secret.encode(), b"session token\n" + content, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
