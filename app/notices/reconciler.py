"""The net under the job queue: what Redis or a worker lost is found in the database and sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from app.notices import queue
from app.notices.outcomes import Outcome
from app.notices.sender import Sender

log = structlog.get_logger()
SEND_JOB = "worker.jobs.send_notice"
#: A notice that has been due for so long is not in good hands with workers that get nowhere,
OVERDUE_SECONDS = 10.0
#: nor for so long with any: its job may have failed, and a second one is refused then.
LONG_OVERDUE_SECONDS = 60.0


@dataclass(frozen=True)
class Round:
    """What one round did."""

    enqueued: int = 0
    sent: int = 0
    given_up: int = 0
    #: What was due and is not done yet.
    left: frozenset[uuid.UUID] = field(default=frozenset(), compare=False)


def deliver_due(
    sender: Sender,
    enqueue: Callable[[str, str], bool],
    before: Round | None = None,
    fresh_seconds: float = 0.0,
) -> Round:
    """Hand what is due to the workers again, or send it here when they do not get to it.

    Workers that are only behind, because something of what the round before left is done by now, are not
    helped: that would take from those who book at this moment. What is due for less than `fresh_seconds` is
    left alone: whoever queued it has handed it on. For the leader's coordinator, every two
    seconds, in a thread of its own: a slow mail server may keep it for seconds. Two at once are harmless.
    Raises Unavailable when the database is away."""
    with sender.database.read() as connection:
        waiting = [notice for notice in queue.due(connection) if notice.overdue_seconds >= fresh_seconds]
    if not waiting:
        return Round()
    given_up = sender.database.run(queue.give_up)
    for notice_id in given_up:
        log.error("Notice given up after 48 hours of failures", topic="notices", notice=str(notice_id))
    is_moving = bool(before and before.left - {notice.id for notice in waiting})
    patience = LONG_OVERDUE_SECONDS if is_moving else OVERDUE_SECONDS
    left, ours = set(), []
    for notice in waiting:
        if notice.id in given_up:
            continue
        if notice.overdue_seconds <= patience and enqueue(SEND_JOB, str(notice.id)):
            left.add(notice.id)
        else:
            ours.append(notice.id)
    sent = list(sender.send_all(ours).values()).count(Outcome.SENT)
    return Round(len(left), sent, len(given_up), frozenset(left))
