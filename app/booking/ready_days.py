"""A day's availability as the bytes that are sent: written once per change, not once per visitor."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

import orjson

from app.directory.documents import Document

MOST_KEPT = 2000
TAG_BYTES = 8


@dataclass(frozen=True, slots=True)
class ReadyDay:
    """The document as JSON, and a tag that differs when it does."""

    body: bytes
    tag: str

    @classmethod
    def of(cls, document: Document) -> ReadyDay:
        body = orjson.dumps(document)
        return cls(body, hashlib.blake2b(body, digest_size=TAG_BYTES).hexdigest())


class KeptDays:
    """Thread-safe. What was kept is good for one edition of its stream, and until a moment."""

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        self._most_kept = most_kept
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[int, int, ReadyDay]] = OrderedDict()

    def find(self, key: Hashable, edition: int, now: int) -> ReadyDay | None:
        """None when it has to be written anew; moments are in microseconds."""
        edition_then, until, day = self._kept.get(key, (edition + 1, 0, None))
        return day if edition_then == edition and now < until else None

    def write(self, key: Hashable, edition: int, until: int, document: Callable[[], Document]) -> ReadyDay:
        day = ReadyDay.of(document())
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = edition, until, day
            while len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        return day
