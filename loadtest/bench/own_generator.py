"""The asyncio client for machines without wrk: plain sockets, one task per connection, same output.

It costs several times wrk's CPU, so its figures are lower on both sides; the ratios still hold."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from loadtest.report import percentile


@dataclass
class Tally:
    """What has been answered so far."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    broken: int = 0


def requests_of(order: dict[str, Any]) -> Iterator[bytes]:
    """The requests in order, as bytes; they end with the slots to book."""
    head = "".join(f"{name}: {value}\r\n" for name, value in order["headers"].items())
    host = urlsplit(order["url"]).netloc
    if order["what"] == "get":
        while True:
            yield f"GET {order['path']} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode()
    ids = iter(Path(order["given"]).read_text().split()) if order["what"] == "book" else None
    number = 0
    while True:
        number += 1
        slot = order["given"] if ids is None else next(ids, None)
        if slot is None:
            return
        who = {"patient_name": "Bench Probe", "patient_email": "bench@example.org"}
        body = json.dumps({"slot_id": slot, **who})
        yield (
            f"POST {order['path']} HTTP/1.1\r\nHost: {host}\r\n{head}Content-Type: application/json\r\n"
            f"Idempotency-Key: {order['run']}-{number}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """The status of one whole answer."""
    return (await _exchange(reader, writer, request))[0]


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> tuple[int, bool]:
    """The status of one whole answer, and whether it was the connection's last: a balancer closes one after a
    thousand. Understands Content-Length, as all our answers have it."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    await reader.readexactly(length)
    return int(head[9:12]), b"\r\nconnection: close\r\n" in head.lower()


async def _keep_asking(order: dict[str, Any], source: Iterator[bytes], end: float, tally: Tally) -> None:
    try:
        while time.perf_counter() < end:
            if await _use_a_connection(urlsplit(order["url"]), source, end, tally):
                return
    except (OSError, asyncio.IncompleteReadError):
        tally.broken += 1


async def _use_a_connection(place: SplitResult, source: Iterator[bytes], end: float, tally: Tally) -> bool:
    """Until time is over or the other side wants no more on it; True when no request is left."""
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    is_last = False
    try:
        while not is_last and (began := time.perf_counter()) < end:
            request = next(source, None)
            if request is None:
                return True
            status, is_last = await _exchange(reader, writer, request)
            tally.statuses[status] += 1
            tally.seconds.append(time.perf_counter() - began)
        return False
    finally:
        writer.close()


async def run(order: dict[str, Any]) -> dict[str, Any]:
    tally, source = Tally(), requests_of(order)
    began = time.perf_counter()
    end = began + order["seconds"]
    await asyncio.gather(*(_keep_asking(order, source, end, tally) for _ in range(order["connections"])))
    return {
        "requests": len(tally.seconds),
        "seconds": time.perf_counter() - began,
        "broken": tally.broken,
        **{f"p{share}": percentile(tally.seconds, share / 100) * 1000 for share in (50, 90, 99)},
        "statuses": {str(status): count for status, count in tally.statuses.items()},
    }


if __name__ == "__main__":
    print("RESULT", json.dumps(asyncio.run(run(json.loads(sys.argv[1])))))
