"""Takes Redis away while the clients race, and gives it back afterwards."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from loadtest.target import NoTarget, Target, is_loopback

#: How often a killed Redis that was started again is killed again.
_WATCH_SECONDS = 0.1
#: A supervisor waits longer before each restart of a program that keeps dying.
_BACK_WITHIN_SECONDS = 60.0
_NAMES = ("redis", "valkey")

#: How often a Redis is emptied.
_FLUSH_SECONDS = 5.0

FAULTS = ("none", "redis-kill", "redis-stop", "redis-flush")


@contextmanager
def fault(name: str, target: Target) -> Iterator[Callable[[], int]]:
    """Keeps a fault up for the length of the block; the function it gives tells how often it struck."""
    if name == "none":
        yield lambda: 0
        return
    if name == "redis-flush":
        with _flushed(target) as flushes:
            yield flushes
        return
    redis_fault = _RedisFault(target, signal.SIGKILL if name == "redis-kill" else signal.SIGSTOP)
    redis_fault.begin()
    try:
        yield redis_fault.strikes
    finally:
        redis_fault.end()


@contextmanager
def _flushed(target: Target) -> Iterator[Callable[[], int]]:
    """Empties Redis at once and every few seconds: locks, fences, lease, streams, everything."""
    client, over, flushes = _impatient_client(_own_redis(target)), threading.Event(), []

    def flush() -> None:
        while True:
            with suppress(redis.RedisError):
                client.flushall()
                flushes.append(time.monotonic())
            if over.wait(_FLUSH_SECONDS):
                return

    flusher = threading.Thread(target=flush, daemon=True)
    flusher.start()
    try:
        yield lambda: len(flushes)
    finally:
        over.set()
        flusher.join()
        client.close()


def _own_redis(target: Target) -> str:
    if target.redis_url is None:
        raise NoTarget("The stack file names no Redis, so none can be taken away.")
    if not is_loopback(target.redis_url):
        raise NoTarget("Only a Redis on this machine can be taken away.")
    return target.redis_url


class _RedisFault:
    """Strikes whatever process answers as Redis, again whenever a supervisor starts a new one."""

    def __init__(self, target: Target, blow: signal.Signals) -> None:
        self._redis = _impatient_client(_own_redis(target))
        self._blow = blow
        self._struck: list[int] = []
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._keep_striking, daemon=True)

    def begin(self) -> None:
        if self._strike() is False:
            raise NoTarget("Redis does not answer, so it cannot be taken away.")
        self._watch.start()

    def strikes(self) -> int:
        return len(self._struck)

    def end(self) -> None:
        """Lets Redis go on; raises TimeoutError when it does not come back."""
        self._over.set()
        self._watch.join()
        if self._blow is signal.SIGSTOP and self._struck:
            _send(self._struck[-1], signal.SIGCONT)
        deadline = time.monotonic() + _BACK_WITHIN_SECONDS
        while _process_id(self._redis) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Redis was not back {_BACK_WITHIN_SECONDS:.0f} s after the fault")
            time.sleep(_WATCH_SECONDS)
        self._redis.close()

    def _keep_striking(self) -> None:
        while not self._over.wait(_WATCH_SECONDS):
            if self._blow is signal.SIGKILL or not _exists(self._struck[-1]):
                self._strike()

    def _strike(self) -> bool:
        process_id = _process_id(self._redis)
        if process_id is None:
            return False
        refuse_other_programs(process_id)
        _send(process_id, self._blow)
        self._struck.append(process_id)
        return True


def _impatient_client(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=0.3, socket_connect_timeout=0.3, retry=Retry(NoBackoff(), 0)
    )


def _process_id(client: redis.Redis) -> int | None:
    """The process that answers, by its own word."""
    try:
        return int(client.info("server")["process_id"])
    except redis.RedisError:
        return None


def refuse_other_programs(process_id: int) -> None:
    """A process id from a container or another host may be anybody's here."""
    comm = Path(f"/proc/{process_id}/comm")
    name = comm.read_text(encoding="utf-8").strip() if comm.exists() else "nothing"
    if not any(known in name for known in _NAMES):
        raise NoTarget(f"Process {process_id} is {name}, not Redis; it is left alone.")


def _exists(process_id: int) -> bool:
    return Path(f"/proc/{process_id}").exists()


def _send(process_id: int, blow: signal.Signals) -> None:
    # It may have died by itself in between, which is what was wanted.
    if _exists(process_id):
        os.kill(process_id, blow)
