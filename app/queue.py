"""Hands jobs to the workers by dotted name, after the commit that made them necessary.

RQ with JSON: its default, pickle, would let whoever can write to Redis run code here."""

from __future__ import annotations

from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from app.coordination.breaker import Breaker

QUEUE_NAME = "oneslot"
#: Shorter than the claim on a notice, so that a worker has given up before the claim lapses.
JOB_SECONDS = 50
#: A job nobody took in this time is made anew from the database.
WAITING_SECONDS = 600
FAILURE_SECONDS = 3600
RETRIES = 2


class JobQueue:
    """Puts jobs into Redis, or says that it could not."""

    def __init__(self, redis: Redis, breaker: Breaker) -> None:
        self._queue = Queue(QUEUE_NAME, connection=redis, serializer=JSONSerializer)
        self._breaker = breaker

    def enqueue(self, name: str, *arguments: str) -> bool:
        """True when the job is in the queue, from now or from before; False when Redis does not answer.

        Never raises for Redis: the database remembers what is to be done, and a sweep finds it."""
        return self._breaker.call(lambda: self._put(name, arguments)) is not None

    def _put(self, name: str, arguments: tuple[str, ...]) -> str:
        job_id = "-".join((name.rpartition(".")[2], *arguments))
        try:
            self._queue.enqueue(
                name,
                args=arguments,
                # One id per piece of work: a second enqueue of the same is refused, not doubled.
                job_id=job_id,
                unique=True,
                job_timeout=JOB_SECONDS,
                ttl=WAITING_SECONDS,
                result_ttl=0,  # the id is free again at once
                failure_ttl=FAILURE_SECONDS,
                # At once: a delayed retry would need RQ's scheduler. For workers that died.
                retry=Retry(max=RETRIES),
            )
        except DuplicateJobError:
            # It waits, or it failed or died lately: then the sweep finds its work overdue and does it.
            return job_id
        return job_id
