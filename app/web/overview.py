"""The few numbers at the top of the monitor: who lives, who leads, how busy, is a promise broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from app.algorithms.latencies import add_up, percentile_ms
from app.booking.invariants import DOUBLE_BOOKING, OVERLAP
from app.coordination.membership import DRAINING, LEFT, UP
from app.database import db_now
from app.tables.booking import Booking
from app.web.cluster import Cluster
from app.web.recall import Recall
from app.web.survey import Sight, Survey, freshest

PACE_SECONDS = 10
Document = dict[str, Any]


@dataclass(frozen=True)
class Overview:
    """Every number with its age in seconds; None where nothing is known."""

    nodes: int
    nodes_up: int
    leader: str | None
    epoch: int | None
    bookings_per_second: float | None
    bookings_age: float | None
    p50_ms: float | None
    p99_ms: float | None
    requests_per_second: float
    double_bookings: int | None
    checked_age: float | None
    database_answers: bool
    redis_answers: bool
    coordinator_answers: bool
    draining: tuple[str, ...]

    def document(self) -> Document:
        return asdict(self)


class Overviews:
    """Thread-safe; one per process."""

    def __init__(self, node: str, cluster: Cluster, survey: Survey, recall: Recall) -> None:
        self._node = node
        self._cluster = cluster
        self._survey = survey
        self._recall = recall

    def read(self) -> Overview:
        sights = self._survey.sights()
        own = sights.get(self._node)
        is_heard = own is not None and not own.is_stale
        fresh = {node: sight for node, sight in sights.items() if not sight.is_stale}
        servers = [server for server in self._cluster.servers() if server["status"] != LEFT]
        leader = next((server for server in servers if server["is_leader"]), None)
        pace = self._recall.ask(pace=bookings_per_second)["pace"]
        latencies = add_up(_buckets(sight) for sight in fresh.values())
        checked = last_check(sights)
        return Overview(
            nodes=len(servers),
            nodes_up=sum(server["status"] in (UP, DRAINING) for server in servers),
            leader=leader["id"] if leader else None,
            epoch=leader["epoch"] if leader else None,
            bookings_per_second=pace.value,
            bookings_age=pace.age_seconds,
            p50_ms=percentile_ms(latencies, 0.5),
            p99_ms=percentile_ms(latencies, 0.99),
            requests_per_second=_rate(fresh),
            double_bookings=_doubles(checked.part("audit")["found"]) if checked else None,
            checked_age=check_age(checked) if checked else None,
            database_answers=not pace.is_stale,
            redis_answers=bool(is_heard and own and own.part("membership").get("sees_redis")),
            coordinator_answers=is_heard,
            draining=tuple(server["id"] for server in servers if server["status"] == DRAINING),
        )


def bookings_per_second(connection: Connection) -> float:
    """Made in the last seconds, holds included."""
    made = select(func.count()).where(Booking.created_at > db_now(-PACE_SECONDS))
    return int(connection.execute(made).scalar_one()) / PACE_SECONDS


def last_check(sights: Mapping[str, Sight]) -> Sight | None:
    """The node that audited last: the leader, or who led before."""
    return freshest(sights, check_age)


def check_age(sight: Sight) -> float | None:
    found = sight.part("audit").get("found")
    return float(found[-1]["age_seconds"]) + sight.age_seconds if found else None


def _doubles(found: list[Document]) -> int:
    """Slots with two owners and overlaps, in the worst of the last rounds."""
    kinds = {DOUBLE_BOOKING, OVERLAP}
    rounds = [[int(f["broken"]) for f in each["findings"] if f["name"] in kinds] for each in found]
    return max(sum(counts) for counts in rounds)


def _buckets(sight: Sight) -> dict[int, int]:
    return {int(bucket): count for bucket, count in sight.part("load").get("latencies", {}).items()}


def _rate(sights: Mapping[str, Sight]) -> float:
    rates = [float(sight.part("load").get("requests_per_second", 0)) for sight in sights.values()]
    return round(sum(rates), 1)
