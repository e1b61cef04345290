"""The status board as this node's coordinator keeps it, for the API and for pages."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from app.algorithms.registers import BoardKind
from app.clock import Clock
from app.coordination.rpc.client import Client
from app.coordination.rpc.errors import CallFailed, CallRefused
from app.errors import Conflict, NotFound, Unavailable
from app.idempotency import RequestKey
from app.status_board.notices import is_over

READ_SECONDS, EDIT_SECONDS = 0.3, 2.5
REMEMBER_SECONDS = 0.5
#: After a coordinator that did not answer, pages do not wait for it at once again.
SULK_SECONDS = 2.0
Document = dict[str, Any]


def new_notice_id(key: RequestKey | None) -> str:
    """The same for a repeat under the same key: it writes the notice again instead of adding another."""
    return uuid4().hex if key is None else uuid5(NAMESPACE_URL, f"{key.scope}/{key.key}").hex


@dataclass(frozen=True)
class Seen:
    """The board as it was read last, and how long ago."""

    notices: list[Document]
    conflicts: list[Document]
    pending: list[str]
    age_seconds: float


@dataclass(frozen=True)
class Board:
    client: Client
    node: str
    clock: Clock
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: dict[str, Any] = field(default_factory=dict)

    def notices_to_show(self, doctor_id: int | str | None = None) -> list[Document]:
        """For pages: what is told to visitors now, of everybody and of this doctor. Never fails and never
        takes long; while the coordinator is away, what it said last."""
        seen = self._look()
        now = self.clock.now()
        wanted = {None} if doctor_id is None else {None, str(doctor_id)}
        current = seen.notices if seen else []
        return [each for each in current if each["doctor_id"] in wanted and not is_over(each, now)]

    def read(self) -> Seen:
        """Raises Unavailable when the coordinator never answered."""
        seen = self._look()
        if seen is None:
            raise Unavailable("The coordinator of this node does not answer.")
        return seen

    def edit(
        self, notice: str, values: Mapping[str, str | None], author: str, kind: BoardKind | None = None
    ) -> Document:
        """Write these fields; how many nodes have them. Raises NotFound, Conflict, Unavailable."""
        edit = {"notice": notice, "values": dict(values), "author": author, "kind": kind}
        return self._order("board.edit", edit)

    def restore(self, conflict: str, author: str) -> Document:
        """Write the value that lost again. Raises NotFound, Unavailable."""
        return self._order("board.restore", {"conflict": conflict, "author": author})

    def _order(self, method: str, payload: Document) -> Document:
        try:
            answer: Document = self.client.call(self.node, method, payload, EDIT_SECONDS)
        except CallRefused as refused:
            detail = str(refused).partition(": ")[2]
            if refused.code == "NOT_FOUND":
                raise NotFound(detail) from None
            if refused.code == "REFUSED":
                raise Conflict(detail) from None
            raise Unavailable(detail or "The coordinator of this node failed.") from None
        except CallFailed:
            raise Unavailable("The coordinator of this node does not answer.") from None
        with self._lock:
            self._kept.pop("at", None)
        return answer

    def _look(self) -> Seen | None:
        with self._lock:
            now = self.clock.elapsed()
            if now - self._kept.get("at", float("-inf")) >= REMEMBER_SECONDS and now >= self._kept.get(
                "sulk", 0
            ):
                self._ask(now)
            if "board" not in self._kept:
                return None
            board = self._kept["board"]
            age = self.clock.elapsed() - self._kept["read_at"]
            return Seen(board["notices"], board["conflicts"], board["pending"], age)

    def _ask(self, now: float) -> None:
        try:
            board = self.client.call(self.node, "board.read", None, READ_SECONDS, is_repeatable=True)
        except CallFailed:
            self._kept["sulk"] = now + SULK_SECONDS
            return
        self._kept.update(board=board, at=now, read_at=now, sulk=0.0)
