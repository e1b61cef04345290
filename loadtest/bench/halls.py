"""Groups of four at a hall of two thousand seats: each wants the best there are, all at once (P10)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadtest.bench.own_generator import ask
from loadtest.bench.staging import admin_stage
from loadtest.cinema import Cinema, Shape

if TYPE_CHECKING:
    from loadtest.bench.range import Range

HALL = Shape(rows=40, across=50)
GROUP = 4
#: Four fifths of the hall: after that whole groups do not find seats side by side.
GROUPS = HALL.seats * 4 // 5 // GROUP
CREATED = 201


def best_seats(at: Range, callers: int) -> tuple[list[float], list[str]]:
    """The seconds each group waited, and what was wrong."""
    with admin_stage(at.stack) as stage:
        showtime = Cinema(stage, at.run_name()).new_showtime(HALL)
    requests = _requests(at.stack.url, showtime, at.run_name())
    answers = asyncio.run(_fight(at.stack.url, requests, callers))
    refused = [status for status, _ in answers if status != CREATED]
    faults = [f"best seats: {len(refused)} of {GROUPS} groups got none: {set(refused)}"] if refused else []
    return [seconds for _, seconds in answers], faults


def _requests(url: str, showtime: str, run: str) -> Iterator[bytes]:
    who = {"patient_name": "Bench Probe", "patient_email": "bench@example.org"}
    body = json.dumps({"count": GROUP, "together": True, "hold": False, **who})
    for number in range(GROUPS):
        yield (
            f"POST /api/showtimes/{showtime}/best-available HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: {run}-{number}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


async def _fight(url: str, requests: Iterator[bytes], callers: int) -> list[tuple[int, float]]:
    place, answers = urlsplit(url), []

    async def call() -> None:
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        for request in requests:
            began = time.perf_counter()
            status = await ask(reader, writer, request)
            answers.append((status, time.perf_counter() - began))
        writer.close()

    await asyncio.gather(*(call() for _ in range(callers)))
    return answers
