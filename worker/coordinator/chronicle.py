"""Writes down what this node sent, received and noticed: at once in memory, soon in the database."""

from __future__ import annotations

import threading
from collections import deque

import structlog

from app.clock import Clock
from app.coordination import cluster_log
from app.coordination.cluster_log import NOTICED, RECEIVED, SENT, Document, Entry
from app.coordination.stamps import Stamper
from app.database import Database

KEPT_IN_MEMORY = 400
log = structlog.get_logger("coordinator")


class Chronicle:
    """Thread-safe. What cannot be stored during an outage of the database is stored after it, the newest
    first to be kept."""

    def __init__(self, node: str, clock: Clock, stamper: Stamper) -> None:
        self._node = node
        self._clock = clock
        self._stamper = stamper
        self._lock = threading.Lock()
        self._recent: deque[Document] = deque(maxlen=KEPT_IN_MEMORY)
        self._unsaved: deque[Entry] = deque(maxlen=KEPT_IN_MEMORY)

    def sent(self, to: str, name: str, election: str | None, text: str, epoch: int = 0) -> None:
        self._add(SENT, name, text, epoch, sender=self._node, receiver=to, election=election)

    def received(self, sender: str, name: str, election: str | None, text: str, epoch: int = 0) -> None:
        self._add(RECEIVED, name, text, epoch, sender=sender, receiver=self._node, election=election)

    def noticed(self, name: str, text: str, epoch: int = 0, election: str | None = None) -> None:
        """Something an operator may want to know: a dotted name for machines, a sentence for people."""
        log.info(text, event_name=name, epoch=epoch)
        self._add(NOTICED, name, text, epoch, election=election)

    def recent(self) -> list[Document]:
        with self._lock:
            return list(self._recent)

    def save(self, database: Database) -> None:
        """Store what is not stored yet. Raises Unavailable; nothing is lost then."""
        with self._lock:
            entries = list(self._unsaved)
        if not entries:
            return
        database.run(lambda tx: cluster_log.append(tx, entries))
        saved = {id(entry) for entry in entries}
        with self._lock:
            self._unsaved = deque((e for e in self._unsaved if id(e) not in saved), KEPT_IN_MEMORY)

    def _add(
        self,
        kind: str,
        name: str,
        text: str,
        epoch: int,
        *,
        sender: str | None = None,
        receiver: str | None = None,
        election: str | None = None,
    ) -> None:
        stamp = self._stamper.tick()
        entry = Entry(
            self._clock.now(),
            self._node,
            kind,
            name,
            text,
            sender,
            receiver,
            election,
            epoch,
            stamp.lamport,
            dict(stamp.vector),
        )
        shown = entry.document()  # made once, read many times a second
        with self._lock:
            self._recent.append(shown)
            self._unsaved.append(entry)
