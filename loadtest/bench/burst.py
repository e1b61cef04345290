"""A thousand clients at once, each with a connection of its own that is open before the start."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from urllib.parse import urlsplit

from loadtest.bench.generator import Shot
from loadtest.bench.own_generator import ask, requests_of


@dataclass(frozen=True)
class Burst:
    """How long until the last was answered, and what they were told; 0 is no answer."""

    seconds: float
    statuses: Counter[int]


def burst(shot: Shot, clients: int) -> Burst:
    return asyncio.run(_burst(shot, clients))


async def _burst(shot: Shot, clients: int) -> Burst:
    place = urlsplit(shot.url)
    order = {
        "url": shot.url,
        "path": shot.path,
        "what": shot.what,
        "given": shot.given,
        "run": shot.run,
        "headers": dict(shot.headers),
    }
    wires = [await asyncio.open_connection(place.hostname, place.port) for _ in range(clients)]
    requests = list(islice(requests_of(order), clients))
    began = time.perf_counter()
    answers = await asyncio.gather(
        *(ask(reader, writer, request) for (reader, writer), request in zip(wires, requests, strict=True)),
        return_exceptions=True,
    )
    took = time.perf_counter() - began
    for _, writer in wires:
        writer.close()
    return Burst(took, Counter(answer if isinstance(answer, int) else 0 for answer in answers))
