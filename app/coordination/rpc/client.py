"""Calls other nodes: seals, waits no longer than asked, asks a second time where that is harmless."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import structlog
from pydantic_core import to_jsonable_python

from app.algorithms.time_sync import Exchange
from app.clock import Clock
from app.coordination.rpc.errors import CallFailed, CallRefused, NoAnswer, Unreachable
from app.coordination.rpc.messages import PATH, Call, Malformed, Reply
from app.coordination.rpc.peers import AddressBook, CallStatistics, Peer, PeerClocks
from app.coordination.rpc.seal import CALL, NONCE, REPLY, Forged, Letter, Seal
from app.coordination.stamps import Stamper

#: Refusals that say only that the clocks or addresses were wrong: the receiver did nothing.
NOT_HEARD = frozenset({"ANOTHER_NODE", "UNTIMELY", "UNKNOWN_METHOD", "INVALID", "MALFORMED"})
CLOCK_TROUBLE = frozenset({"UNTIMELY", "EXPIRED"})
MOST_WAITING = 200
log = structlog.get_logger("rpc")


class Transport(Protocol):
    """Carries a letter to a peer and brings the reply. Raises Unreachable or NoAnswer."""

    def exchange(self, peer: Peer, letter: Letter, seconds: float) -> Letter: ...


class Client:
    """One per process. Thread-safe."""

    def __init__(
        self, seal: Seal, transport: Transport, stamper: Stamper, clock: Clock, book: AddressBook
    ) -> None:
        self.book = book
        self.clocks = PeerClocks()
        self.statistics = CallStatistics()
        self._seal = seal
        self._transport = transport
        self._stamper = stamper
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()

    def call(
        self,
        node: str,
        method: str,
        payload: Any = None,
        seconds: float = 1.0,
        *,
        is_repeatable: bool = False,
    ) -> Any:
        """What the node answers. A repeatable call without an answer after half the time is sent again under
        the same id, on another connection. Raises Unreachable, NoAnswer, CallRefused."""
        deadline = self._clock.elapsed() + seconds
        request = secrets.token_hex(12)
        patience = seconds / 2 if is_repeatable else seconds
        try:
            return self._attempt(node, method, payload, request, patience)
        except NoAnswer:
            if not is_repeatable:
                raise
        except CallRefused as refused:
            # The answer has just told us how far the clocks are apart: now the times can be right.
            if refused.code not in CLOCK_TROUBLE or self._clock.elapsed() >= deadline:
                raise
        return self._attempt(node, method, payload, request, max(deadline - self._clock.elapsed(), 0.02))

    def call_all(
        self, nodes: Iterable[str], method: str, payload: Any = None, seconds: float = 1.0
    ) -> dict[str, Any]:
        """The answers of all who answered in time, asked at once. For repeatable methods only."""
        answers: queue.SimpleQueue[tuple[str, Any, bool]] = queue.SimpleQueue()

        def ask(node: str) -> None:
            try:
                answers.put((node, self.call(node, method, payload, seconds, is_repeatable=True), True))
            except CallFailed as failed:
                answers.put((node, failed, False))

        asked = list(nodes)
        for node in asked:
            threading.Thread(target=ask, args=(node,), daemon=True, name=f"ask-{node}").start()
        found = [answers.get() for _ in asked]
        return {node: answer for node, answer, is_good in found if is_good}

    def tell(
        self,
        node: str,
        method: str,
        payload: Any = None,
        seconds: float = 1.0,
        *,
        on_unreachable: Callable[[], None] | None = None,
    ) -> None:
        """Send without waiting, in order per node and service. `on_unreachable` is called, in another
        thread, when the node certainly did not take it in; after a mere silence nothing is called."""
        name = f"{node} {method.partition('.')[0]}"
        with self._lock:
            lane = self._lanes.get(name) or self._lanes.setdefault(name, _Lane(name))
        deadline = self._clock.elapsed() + seconds

        def send() -> None:
            left = deadline - self._clock.elapsed()
            if left <= 0:
                return
            try:
                self.call(node, method, payload, left)
            except CallFailed as failed:
                was_heard = not isinstance(failed, Unreachable) and not (
                    isinstance(failed, CallRefused) and failed.code in NOT_HEARD
                )
                if on_unreachable and not was_heard:
                    on_unreachable()

        lane.put(send)

    @property
    def is_sending(self) -> bool:
        """Whether something that was told has not left yet."""
        return any(lane.is_busy for lane in list(self._lanes.values()))

    def _attempt(self, node: str, method: str, payload: Any, request: str, seconds: float) -> Any:
        peer = self.book.find(node)
        if peer is None:
            raise Unreachable(f"nobody knows where {node} is")
        began = self._clock.elapsed()
        try:
            reply = self._exchange(peer, PATH + method, payload, request, seconds)
        except CallFailed as failed:
            self.statistics.failed(node, str(failed))
            raise
        self.statistics.succeeded(node, self._clock.elapsed() - began)
        if reply.code is not None:
            raise CallRefused(reply.code, reply.detail)
        return reply.result

    def _exchange(self, peer: Peer, path: str, payload: Any, request: str, seconds: float) -> Reply:
        body = Call(
            peer.node, request, int(seconds * 1000), to_jsonable_python(payload), self._stamper.tick()
        ).encode()
        asked = self._clock.now().timestamp()
        letter = self._seal.seal(CALL, path, body, int((asked + self.clocks.offset(peer.node)) * 1000))
        answer = self._transport.exchange(peer, letter, seconds)
        received = self._clock.now().timestamp()
        reply = self._open(peer, letter, answer)
        exchange = Exchange(asked, reply.received_ms / 1000, reply.answered_ms / 1000, received)
        if exchange.round_trip >= 0:
            self.clocks.learn(peer.node, exchange, self._clock.elapsed())
        self._stamper.receive(reply.stamp)
        return reply

    def _open(self, peer: Peer, letter: Letter, answer: Letter) -> Reply:
        try:
            sender = self._seal.sender_of(REPLY, answer)
            if sender != peer.node or answer.headers[NONCE] != letter.headers[NONCE]:
                raise Forged(f"{sender} answered in place of {peer.node}")
            return Reply.decode(answer.body, sender)
        except (Forged, Malformed) as trouble:
            raise NoAnswer(str(trouble)) from None


class _Lane:
    """The messages of one service to one node, in order by one thread: a hung node delays nobody else's."""

    def __init__(self, name: str) -> None:
        self._waiting: queue.Queue[Callable[[], None]] = queue.Queue(MOST_WAITING)
        threading.Thread(target=self._run, daemon=True, name=f"to {name}").start()

    @property
    def is_busy(self) -> bool:
        return self._waiting.unfinished_tasks > 0

    def put(self, send: Callable[[], None]) -> None:
        try:
            self._waiting.put_nowait(send)
        except queue.Full:
            log.warning("Too many messages wait for a node; one was dropped.")

    def _run(self) -> None:
        while True:
            send = self._waiting.get()
            try:
                send()
            except Exception:
                log.exception("A message could not be sent.")
            finally:
                self._waiting.task_done()
