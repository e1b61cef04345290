"""The net under the job queue: what Redis or a worker lost is found in the database and sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from app.notices import queue
from app.notices.sender import Outcome, Sender

log = structlog.get_logger()
SEND_JOB = "worker.jobs.send_notice"
#: A notice that has been due for so long is not in good hands with the workers.
OVERDUE_SECONDS = 10.0


@dataclass(frozen=True)
class Round:
    """What one round did."""

    enqueued: int = 0
    sent: int = 0
    given_up: int = 0


def deliver_due(sender: Sender, enqueue: Callable[[str, str], bool]) -> Round:
    """Hand what is due to the workers again, or send it here when they do not get to it.

    For the leader's coordinator, each second, in a thread of its own: a slow mail server may keep
    it for seconds. Two at once are harmless. Raises Unavailable when the database is away."""
    with sender.database.read() as connection:
        waiting = queue.due(connection)
    if not waiting:
        return Round()
    given_up = sender.database.run(queue.give_up)
    for notice_id in given_up:
        log.error("Notice given up after 48 hours of failures", topic="notices", notice=str(notice_id))
    enqueued = sent = 0
    for notice in waiting:
        if notice.id in given_up:
            continue
        if notice.overdue_seconds <= OVERDUE_SECONDS and enqueue(SEND_JOB, str(notice.id)):
            enqueued += 1
        elif sender.send(notice.id) is Outcome.SENT:
            sent += 1
    return Round(enqueued, sent, len(given_up))
