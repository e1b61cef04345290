"""Hands jobs to the workers by dotted name, after the commit that made them necessary.

RQ with JSON: its default, pickle, would let whoever can write to Redis run code here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from redis import Redis
from rq import Queue, Retry
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

from app.coordination.breaker import Breaker
from app.coordination.later import Later

QUEUE_NAME = "oneslot"
#: Shorter than the claim on a notice, so that a worker has given up before the claim lapses.
JOB_SECONDS = 50
#: A job nobody took in this time is made anew from the database.
WAITING_SECONDS = 600
FAILURE_SECONDS = 3600
RETRIES = 2
#: As many as a sender takes together.
MOST_OF_A_JOB = 20
#: Nobody misses a mail for so long, and a job for each costs as much as a booking.
REST_SECONDS = 0.06


def enqueue_later(queue: JobQueue) -> Callable[[str, str], None]:
    """Takes a name and an argument, and puts what has gathered into the queue behind the request's back."""
    jobs = Later(queue.enqueue_all, rest_seconds=REST_SECONDS)
    return lambda name, argument: jobs.put((name, argument))


class JobQueue:
    """Puts jobs into Redis, or says that it could not."""

    def __init__(self, redis: Redis, breaker: Breaker) -> None:
        self._queue = Queue(QUEUE_NAME, connection=redis, serializer=JSONSerializer)
        self._breaker = breaker

    def enqueue(self, name: str, *arguments: str) -> bool:
        """True when the job is in the queue, from now or from before; False when Redis does not answer.

        Never raises for Redis: the database remembers what is to be done, and a sweep finds it."""
        return self._breaker.call(lambda: self._put(name, arguments)) is not None

    def enqueue_all(self, jobs: Sequence[tuple[str, str]]) -> None:
        """The same for several pairs of a name and an argument: what has one name becomes few jobs, because
        making a job costs as much as a booking."""
        by_name: dict[str, list[str]] = {}
        for name, argument in jobs:
            by_name.setdefault(name, []).append(argument)
        for name, arguments in by_name.items():
            for start in range(0, len(arguments), MOST_OF_A_JOB):
                self.enqueue(name, *arguments[start : start + MOST_OF_A_JOB])

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
