"""What replicas tell each other, small enough to be sent: squeezed, and cut when there is too much."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode

import orjson

from app.algorithms.change_log import ReplicaDelta, by_stream
from app.algorithms.gossip import Answer
from app.algorithms.wire import MalformedMessageError, ReplicaGossip, pack, replica_gossip
from app.coordination.outbox import HEARTBEAT_STREAM

#: A message that unpacks to more is none of ours.
LARGEST_BYTES = 32 << 20
ROWS_AT_ONCE = 2000


class Puzzling(ValueError):
    """The message cannot be read."""


def close_letter(message: ReplicaGossip) -> str:
    return b64encode(zlib.compress(orjson.dumps(pack(message)), 3)).decode()


def open_letter(text: str) -> ReplicaGossip:
    """Raises Puzzling."""
    try:
        opener = zlib.decompressobj()
        content = opener.decompress(b64decode(text, validate=True), LARGEST_BYTES)
        if opener.unconsumed_tail:
            raise Puzzling("too large")
        return replica_gossip(orjson.loads(content))
    except (ValueError, zlib.error, MalformedMessageError) as error:
        raise Puzzling(str(error)) from None


def close_delta(delta: ReplicaDelta) -> str:
    return close_letter(Answer(delta.upto, delta, is_asking=False))


def open_delta(text: str) -> ReplicaDelta:
    """Raises Puzzling."""
    message = open_letter(text)
    if not isinstance(message, Answer) or not isinstance(message.delta, ReplicaDelta):
        raise Puzzling("this is no delta")
    return message.delta


def cut(delta: ReplicaDelta, most_rows: int = ROWS_AT_ONCE) -> ReplicaDelta:
    """The first streams of a delta that is too large. The heartbeat comes with the last ones only: it says
    that nothing is missing."""
    if len(delta.changes) <= most_rows:
        return delta
    rows = by_stream(delta.changes)
    chosen: list[str] = []
    count = 0
    for stream in sorted(delta.upto.keys() - {HEARTBEAT_STREAM}):
        if chosen and count + len(rows[stream]) > most_rows:
            break
        chosen.append(stream)
        count += len(rows[stream])
    kept = tuple(change for stream in chosen for change in rows[stream])
    return ReplicaDelta(delta.after, delta.upto.only(chosen), kept, delta.whole & frozenset(chosen))
