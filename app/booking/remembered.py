"""What this process learned a moment ago: hints, never a reason to promise or refuse anything."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

MOST_REMEMBERED = 1000
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """By key, each for so many seconds. Thread-safe."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, tuple[float, Value]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        until, value = self._known.get(key, (0.0, None))
        return value if time.monotonic() < until else None

    def put(self, key: Key, value: Value) -> Value:
        with self._lock:
            self._known.pop(key, None)
            self._known[key] = time.monotonic() + self._seconds, value
            while len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return value
