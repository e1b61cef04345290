"""`python -m worker.rq_worker`: takes jobs from Redis and runs them, whatever Redis goes through.

A lost job is no lost mail: notices live in the database, and the leader finds those that are late."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from app.config import Config, ConfigError
from app.logs import configure_logs
from app.queue import JOB_SECONDS, QUEUE_NAME
from worker import jobs
from worker.known_job import KnownJob

log = structlog.get_logger()

#: RQ blocks 15 seconds less than this for a job; maintenance runs between two blocks.
WORKER_TTL_SECONDS = 20
MAINTENANCE_SECONDS = 4
CONNECT_SECONDS = 2
PAUSE_SECONDS = 2.0


class NoticeWorker(SimpleWorker):
    """Runs jobs in its own process: no fork for each mail, and the database connection stays open."""

    job_class = KnownJob
    max_connection_wait_time = 4.0
    log_result_lifespan = False

    def __init__(self, redis: Redis) -> None:
        super().__init__(
            [QUEUE_NAME],
            connection=redis,
            serializer=JSONSerializer,
            worker_ttl=WORKER_TTL_SECONDS,
            maintenance_interval=MAINTENANCE_SECONDS,
            log_job_description=False,
        )
        self.is_stopping = False

    def get_heartbeat_ttl(self, job: Job) -> int:
        """When others may take a job for abandoned: RQ adds a minute, ten seconds do."""
        return JOB_SECONDS + 10

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        """Finish the job at hand, then end."""
        self.is_stopping = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def set_shutdown_requested_date(self) -> None:
        """Only for RQ's own displays; without Redis it must not break the job at hand."""
        with suppress(RedisError):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def subscribe(self) -> None:
        """No commands by pub/sub: whoever reaches Redis could end workers with them."""

    def unsubscribe(self) -> None:
        """Nothing to leave."""


def connect(url: str) -> Redis:
    """A client that may block for a job, and never repeats a call by itself."""
    return Redis.from_url(
        url,
        socket_timeout=WORKER_TTL_SECONDS,
        socket_connect_timeout=CONNECT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=15,
    )


def work_until_stopped(redis: Redis) -> None:
    """Work; when Redis went away for longer or an error ended the worker, start another one."""
    while not _work(redis):
        time.sleep(PAUSE_SECONDS)


def _work(redis: Redis) -> bool:
    """One worker's life; True when somebody asked it to stop."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # until the worker itself listens
    worker = None
    try:
        worker = NoticeWorker(redis)
        worker.work(logging_level="WARNING")
    except RedisError as problem:
        log.warning("Redis does not answer the worker", topic="jobs", reason=type(problem).__name__)
    return worker is not None and worker.is_stopping


def _leave(_signum: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def main() -> None:
    try:
        config = Config.from_env(os.environ)
        jobs.sender()  # here and not at the first job: a wrong setting shall be seen at once
    except ConfigError as error:
        sys.exit(f"rq_worker: {error}")
    configure_logs(config, "worker")
    log.info("Worker started", topic="jobs", queue=QUEUE_NAME)
    work_until_stopped(connect(config.redis_url))
    log.info("Worker stopped", topic="jobs")


if __name__ == "__main__":
    main()
