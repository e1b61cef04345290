"""What one replica lacks of another, as it is sent: not too much at once."""

from __future__ import annotations

from app.algorithms.change_log import ReplicaDelta, by_stream
from app.algorithms.gossip import Answer
from app.algorithms.wire import replica_gossip
from app.coordination.letters import Puzzling, close_letter, open_letter
from app.coordination.outbox import HEARTBEAT_STREAM

ROWS_AT_ONCE = 2000


def close_delta(delta: ReplicaDelta) -> str:
    return close_letter(Answer(delta.upto, delta, is_asking=False))


def open_delta(letter: str) -> ReplicaDelta:
    """Raises Puzzling."""
    message = open_letter(letter, replica_gossip)
    if not isinstance(message, Answer) or not isinstance(message.delta, ReplicaDelta):
        raise Puzzling("this is no delta")
    return message.delta


def cut(delta: ReplicaDelta, most_rows: int = ROWS_AT_ONCE) -> ReplicaDelta:
    """The first streams of a delta that is too large, at least one. The heartbeat comes with the last ones
    only: it says that nothing is missing."""
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
