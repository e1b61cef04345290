"""B34: how far the copies of the slots are on every node, and whether they equal the database."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.web.api.answers import answer
from app.web.parts import parts
from app.web.policy import policy
from app.web.replica_overview import alone, overview

api = APIBlueprint("replicas", __name__, url_prefix="/api/replicas", tag="Cluster")


class CopyDocument(BaseModel):
    """One copy: where its changes come from, how old it can be at most, and how long changes travel to it."""

    fed_by: str
    age_seconds: float | None
    lag_events: int
    rows: int
    streams: int
    digest: str
    transit_p50_ms: float | None
    transit_p99_ms: float | None
    changes: int
    divergences: int
    rebuilds: int
    is_overflowing: bool


class NodeCopyDocument(CopyDocument):
    """The coordinator's copy, and those of the node's web workers."""

    node: str
    is_equal: bool | None
    workers: dict[str, CopyDocument]


class TruthDocument(BaseModel):
    """The database, as the node that was asked last looked at it."""

    digest: str
    streams: int
    rows: int
    is_complete: bool
    read_at: str | None


class AppliedDocument(BaseModel):
    """A stream on one node; is_equal is null while the node is at another number than the look at the
    database."""

    applied: int
    lag: int
    rows: int
    digest: str
    is_equal: bool | None


class StreamDocument(BaseModel):
    stream: str
    head: int
    rows: int | None
    digest: str | None
    nodes: dict[str, AppliedDocument]


class ReplicasDocument(BaseModel):
    mode: dict[str, str]
    database: TruthDocument | None
    nodes: list[NodeCopyDocument]
    streams: list[StreamDocument]
    reads: dict[str, int]


@api.get("")
@policy("public")
@api.output(ReplicasDocument)
def show_replicas() -> Response:
    """Per node and stream: head, applied, lag, counts and digest; up to 200 streams, those that lag first."""
    reads, mirror = parts().reads, parts().mirror
    node = parts().config.node_id
    reports = reads.neighbour.reports() or {node: alone(mirror)}
    return answer({**overview(reports, node), "reads": dict(reads.counts)})
