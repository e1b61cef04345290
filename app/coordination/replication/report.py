"""What a process can say of its replica: how far, how old, how many, and digests to compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from app.coordination.outbox import HEARTBEAT_STREAM
from app.coordination.replication.feed import Feed
from app.coordination.replication.node_replica import NodeReplica

#: Stream -> its number, how many rows, their digest in hexadecimal.
Digests = Mapping[str, tuple[int, int, str]]


@dataclass(frozen=True)
class Report:
    fed_by: str
    age_seconds: float | None
    lag_events: int
    rows: int
    streams: int
    digest: str
    #: Slots that started before it are not held; digests of replicas with another horizon cannot be compared.
    horizon: int | None
    transit_p50_ms: float | None
    transit_p99_ms: float | None
    changes: int
    divergences: int
    rebuilds: int
    is_overflowing: bool


def report_of(replica: NodeReplica, feed: Feed) -> Report:
    digests = replica.stream_digests()
    age = replica.age_seconds
    return Report(
        fed_by=feed.fed_by,
        age_seconds=None if age is None else round(age, 3),
        lag_events=lag_events(feed.heads, digests),
        rows=sum(rows for _, rows, _ in digests.values()),
        streams=len(digests),
        digest=total(digests),
        horizon=replica.horizon,
        transit_p50_ms=replica.transit.percentile_ms(0.5),
        transit_p99_ms=replica.transit.percentile_ms(0.99),
        changes=replica.transit.count,
        divergences=replica.divergences,
        rebuilds=replica.rebuilds,
        is_overflowing=replica.is_overflowing,
    )


def describe(report: Report) -> dict[str, Any]:
    return asdict(report)


def total(digests: Digests) -> str:
    """All streams in one number."""
    digest = 0
    for _, _, each in digests.values():
        digest ^= int(each, 16)
    return as_hex(digest)


def lag_events(heads: Mapping[str, int], digests: Digests) -> int:
    """How many changes others know of and this replica has not applied."""
    behind = (
        head - digests[stream][0] if stream in digests else head
        for stream, head in heads.items()
        if stream != HEARTBEAT_STREAM
    )
    return sum(max(each, 0) for each in behind)


def differing(here: Digests, there: Digests) -> list[str]:
    """The streams with the same number and other rows."""
    return sorted(
        stream
        for stream, (seq, _, digest) in there.items()
        if stream in here and here[stream][0] == seq and here[stream][2] != digest
    )


def as_hex(digest: int) -> str:
    return f"{digest:016x}"
