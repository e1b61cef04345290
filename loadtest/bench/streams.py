"""A thousand open event streams: how long until a change has reached each of them (P7)."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadtest.bench.own_generator import ask

if TYPE_CHECKING:
    from loadtest.bench.range import Range

_PAUSE_SECONDS, _OPEN_SECONDS, _GRACE_SECONDS = 0.5, 60.0, 2.0
_numbers = count(1)


@dataclass
class Watchers:
    """While the block runs, streams are open and a slot of the doctor they watch is booked now and then.

    A delivery is timed from the moment the booking is sent, so it includes the booking."""

    at: Range
    streams: int
    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _sent: dict[str, float] = field(default_factory=dict)
    _opened: int = 0
    _heard: int = 0

    def __enter__(self) -> Watchers:
        self._ready, self._end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()), daemon=True)
        self._thread.start()
        if not self._ready.wait(_OPEN_SECONDS):
            self.faults.append(f"streams: only {self._opened} of {self.streams} could be opened")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join(_OPEN_SECONDS)
        missing = len(self._sent) * self._opened - self._heard
        if missing:
            self.faults.append(f"streams: {missing} deliveries are missing")

    async def _watch(self) -> None:
        readers = [asyncio.create_task(self._listen()) for _ in range(self.streams)]
        while self._opened < self.streams and not self._end.is_set():
            await asyncio.sleep(0.05)
        self._ready.set()
        while not self._end.is_set():
            await asyncio.sleep(_PAUSE_SECONDS)
            await self._change()
        await asyncio.sleep(_GRACE_SECONDS)
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)

    async def _listen(self) -> None:
        place = urlsplit(self.at.stack.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        path = f"/api/events?doctor_id={self.at.field.shown_doctor}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        try:
            if b" 200 " not in await reader.readline():
                return
            self._opened += 1
            while line := await reader.readline():
                if line.startswith(b"data: {") and b'"slot"' in line:
                    self._hear(json.loads(line[6:]))
        finally:
            writer.close()

    def _hear(self, told: dict[str, str]) -> None:
        sent = self._sent.get(told["id"])
        if sent is not None:
            self._heard += 1
            self.seconds.append(time.perf_counter() - sent)

    async def _change(self) -> None:
        place, slot = urlsplit(self.at.stack.url), self.at.field.take_shown()
        body = json.dumps({"slot_id": slot, "patient_name": "Probe", "patient_email": "bench@example.org"})
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        self._sent[slot] = time.perf_counter()
        head = f"POST /api/bookings HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        key = f"Idempotency-Key: {self.at.run_name()}-watch-{next(_numbers)}\r\n"
        status = await ask(reader, writer, f"{head}{key}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()
        if status != 201:
            del self._sent[slot]
            self.faults.append(f"streams: a probe's booking was answered {status}")
