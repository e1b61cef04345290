"""The connection to Redis that every process uses for short calls."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

ANSWER_SECONDS = 0.25


def connect_redis(url: str) -> Redis:
    """A client that waits a quarter of a second and never repeats a call by itself.

    redis-py 8 repeats ten times by default; a script whose answer was lost would run again."""
    return Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=15,
    )
