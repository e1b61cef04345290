"""The allow-list of what may be called, and the memory that gives a repeated id its first answer."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller

Work = Callable[[Any, Caller], Any]
#: Runs the work where the coordinator keeps its state, and waits for it; raises TimeoutError at the deadline.
RunInLoop = Callable[[Callable[[], Any], float], Any]
REMEMBER_SECONDS = 90.0
MOST_REMEMBERED = 20_000


@dataclass(frozen=True)
class Method:
    name: str
    payload: TypeAdapter[Any]
    work: Work
    is_in_loop: bool


class Methods:
    """What this process answers. Without `run_in_loop` everything runs in the thread of the call."""

    def __init__(self, run_in_loop: RunInLoop | None = None) -> None:
        self._run_in_loop = run_in_loop
        self._methods: dict[str, Method] = {}

    def expose(self, name: str, payload: Any, work: Work, *, is_in_loop: bool = True) -> None:
        """Answer calls of `name` whose payload is of this type (None: no payload).

        In the loop it needs no locks and must be quick; otherwise it runs in a thread of its own."""
        if name in self._methods:
            raise AssertionError(f"{name} is exposed twice")
        self._methods[name] = Method(name, TypeAdapter(payload), work, is_in_loop)

    def run(self, name: str, payload: Any, caller: Caller, seconds: float) -> Any:
        """Raises CallRefused for an unknown method or a payload that does not fit, TimeoutError."""
        method = self._methods.get(name)
        if method is None:
            raise CallRefused("UNKNOWN_METHOD", name[:80])
        try:
            value = method.payload.validate_python(payload)
        except ValidationError as error:
            raise CallRefused("INVALID", f"{error.error_count()} fields do not fit {name}") from None
        if method.is_in_loop and self._run_in_loop is not None:
            return self._run_in_loop(lambda: method.work(value, caller), seconds)
        return method.work(value, caller)


class OnceOnly:
    """One effect per caller and id: a repeat waits for the first and gets its answer."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: OrderedDict[tuple[str, str], tuple[float, Future[Any]]] = OrderedDict()

    def run(self, node: str, request: str, now: float, seconds: float, work: Callable[[], Any]) -> Any:
        """Raises what the work raised, and TimeoutError while the first call is still at work."""
        answer, is_first = self._claim((node, request), now)
        if is_first:
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)
        return answer.result(timeout=max(seconds, 0.0))

    def _claim(self, key: tuple[str, str], now: float) -> tuple[Future[Any], bool]:
        with self._lock:
            self._forget(now)
            known = self._answers.get(key)
            if known is not None:
                return known[1], False
            answer: Future[Any] = Future()
            self._answers[key] = now, answer
            return answer, True

    def _forget(self, now: float) -> None:
        while self._answers:
            began, _ = next(iter(self._answers.values()))
            if now - began <= REMEMBER_SECONDS and len(self._answers) < MOST_REMEMBERED:
                return
            self._answers.popitem(last=False)
