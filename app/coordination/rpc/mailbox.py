"""Letters through Redis, for nodes that cannot reach each other directly, such as dynos of a platform.

Each process that answers reads one list; each that asks has a list for its replies. Seal, time and nonce
are the letters' own, so whoever can write to Redis can delay or drop calls but not make or change one."""

from __future__ import annotations

import secrets
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import orjson
import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.coordination import keys
from app.coordination.rpc.errors import NoAnswer
from app.coordination.rpc.peers import Peer
from app.coordination.rpc.seal import NONCE, Letter

WAIT_SECONDS = 1
LETTER_SECONDS = 60
MOST_LETTERS = 2000
AnswerLetter = Callable[[Letter], tuple[int, Letter | None]]
log = structlog.get_logger("rpc")


def patient_redis(url: str) -> Redis:
    """A client for reading lists: it waits longer for an answer than a list may stay empty."""
    return Redis.from_url(
        url, socket_timeout=WAIT_SECONDS + 1.0, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0)
    )


class MailboxTransport:
    """Drops letters into the peer's box and waits for the reply in a box of its own. Thread-safe."""

    def __init__(self, redis: Redis, patient: Redis, node: str) -> None:
        self._redis = redis
        self._box = keys.mailbox(f"{node}:{secrets.token_hex(6)}")
        self._waiting: dict[str, Future[Letter]] = {}
        self._reader = Reader(patient, self._box, self._take_in)

    def exchange(self, peer: Peer, letter: Letter, seconds: float) -> Letter:
        self._reader.start()
        reply: Future[Letter] = Future()
        self._waiting[letter.headers[NONCE]] = reply
        try:
            drop(self._redis, keys.mailbox(peer.node), letter, self._box)
            return reply.result(timeout=seconds)
        except RedisError as error:
            raise NoAnswer(f"{peer.node}: the mailbox cannot be reached: {error}") from None
        except TimeoutError:
            raise NoAnswer(f"{peer.node} did not answer in its mailbox") from None
        finally:
            self._waiting.pop(letter.headers[NONCE], None)

    def close(self) -> None:
        self._reader.close()

    def _take_in(self, letter: Letter, _reply_to: str) -> None:
        waiting = self._waiting.get(letter.headers.get(NONCE, ""))
        if waiting is not None and not waiting.done():
            waiting.set_result(letter)


class MailboxServer:
    """Answers the letters in this node's box until closed."""

    def __init__(self, redis: Redis, patient: Redis, node: str, answer: AnswerLetter) -> None:
        self._redis = redis
        self._answer = answer
        self._workers = ThreadPoolExecutor(8, thread_name_prefix="mailbox")
        self._reader = Reader(patient, keys.mailbox(node), self._hand_out)

    def start(self) -> None:
        self._reader.start()

    def close(self) -> None:
        self._reader.close()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _hand_out(self, letter: Letter, reply_to: str) -> None:
        self._workers.submit(self._serve, letter, reply_to)

    def _serve(self, letter: Letter, reply_to: str) -> None:
        _status, reply = self._answer(letter)
        if reply is None or not reply_to.startswith(keys.mailbox("")):
            return
        try:
            drop(self._redis, reply_to, reply, "")
        except RedisError:
            log.warning("A reply could not be dropped into its mailbox.")


class Reader:
    """Takes letters out of one box in a thread of its own; outlives outages of Redis."""

    def __init__(self, redis: Redis, box: str, take_in: Callable[[Letter, str], None]) -> None:
        self._redis = redis
        self._box = box
        self._take_in = take_in
        self._stopped = threading.Event()
        self._started = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True, name="mailbox")

    def start(self) -> None:
        """Harmless twice."""
        if self._started.acquire(blocking=False):
            self._thread.start()

    def close(self) -> None:
        """Returns when no letter is taken out any more."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(WAIT_SECONDS + 2.0)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                found: Any = self._redis.blpop([self._box], timeout=WAIT_SECONDS)
            except RedisError:
                self._stopped.wait(0.25)
                continue
            if found is not None:
                self._open(found[1])

    def _open(self, data: bytes) -> None:
        try:
            found = orjson.loads(data)
            headers = {str(name): str(value) for name, value in found["headers"].items()}
            letter = Letter(str(found["path"]), headers, b64decode(found["body"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("Something in a mailbox is no letter.")
            return
        self._take_in(letter, str(found.get("reply_to", "")))


def drop(redis: Redis, box: str, letter: Letter, reply_to: str) -> None:
    """Put a letter into a box that forgets itself when nobody reads it. Raises RedisError."""
    body = b64encode(letter.body).decode()
    data = {"path": letter.path, "headers": dict(letter.headers), "body": body, "reply_to": reply_to}
    with redis.pipeline(transaction=True) as pipe:
        pipe.rpush(box, orjson.dumps(data))
        pipe.ltrim(box, -MOST_LETTERS, -1)
        pipe.expire(box, LETTER_SECONDS)
        pipe.execute()


class AutoTransport:
    """HTTP where an address can lead to the peer, else the mailbox: a loopback address is of use on its own
    machine only."""

    def __init__(self, http: Any, mailbox: Any, machine: str) -> None:
        self._http = http
        self._mailbox = mailbox
        self._machine = machine

    def exchange(self, peer: Peer, letter: Letter, seconds: float) -> Letter:
        is_near = peer.url is not None and (not _is_loopback(peer.url) or peer.machine == self._machine)
        carrier = self._http if is_near else self._mailbox
        reply: Letter = carrier.exchange(peer, letter, seconds)
        return reply


def _is_loopback(url: str) -> bool:
    return "//127." in url or "//localhost" in url or "//[::1]" in url
