"""Waits for a sound in Redis. A hint only: it may be lost, and without Redis nothing is ever heard."""

from __future__ import annotations

import time
from typing import Any

from redis import Redis
from redis.client import PubSub
from redis.exceptions import RedisError

from app.clock import Clock

#: The leader's heartbeat rings each second; after such a silence the connection is taken for dead.
SILENT_SECONDS = 8.0
#: So that a burst of changes is one round of work, not many.
MOST_SOUNDS = 500


class Bell:
    """For one thread."""

    def __init__(self, redis: Redis, clock: Clock, channel: str) -> None:
        self._redis = redis
        self._clock = clock
        self._channel = channel
        self._pubsub: PubSub | None = None
        self._heard_at = 0.0

    def wait(self, seconds: float) -> list[bytes]:
        """What was rung, as soon as anything was, at the latest after so long."""
        try:
            if self._pubsub is None:
                self._subscribe()
            return self._listen(seconds)
        except RedisError:
            self.close()
            time.sleep(seconds)
            return []

    def close(self) -> None:
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub = None

    def _subscribe(self) -> None:
        self._pubsub = self._redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._pubsub.subscribe(self._channel)
        self._heard_at = self._clock.elapsed()

    def _listen(self, seconds: float) -> list[bytes]:
        sounds: list[bytes] = []
        deadline = self._clock.elapsed() + seconds
        while len(sounds) < MOST_SOUNDS:
            left = 0.0 if sounds else deadline - self._clock.elapsed()
            message = self._next(max(left, 0.0))
            if message is not None:
                self._heard_at = self._clock.elapsed()
                sounds.append(message["data"])
            elif sounds or left <= 0:
                break
        if self._clock.elapsed() - self._heard_at > SILENT_SECONDS:
            self.close()
        return sounds

    def _next(self, seconds: float) -> Any:
        if self._pubsub is None:
            raise AssertionError("wait() subscribes first")
        return self._pubsub.get_message(timeout=seconds)
