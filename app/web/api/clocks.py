"""B32, B33: compare a clock with this node's, and what the cluster knows of time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StrictFloat, StrictInt

from app.algorithms.logical_clocks import HybridStamp
from app.clock import Clock
from app.web.api.answers import answer
from app.web.api.fields import Instant
from app.web.api.inputs import RequestModel
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("clocks", __name__, url_prefix="/api", tag="Cluster")
#: From the beginning of the year 1 to the end of 9999.
Milliseconds = Annotated[
    StrictInt | StrictFloat, Field(ge=-62_135_596_800_000, le=253_402_300_799_000, allow_inf_nan=False)
]


class ClockSyncBody(RequestModel):
    client_time: Instant | Milliseconds = Field(
        description="the caller's clock as it sends this: milliseconds since 1970, or ISO 8601 with a zone"
    )

    def milliseconds(self) -> float:
        if isinstance(self.client_time, datetime):
            return self.client_time.timestamp() * 1000
        return float(self.client_time)


class OwnOffsetDocument(BaseModel):
    reference: str
    offset_ms: float | None
    error_ms: float | None


class ClockSyncDocument(BaseModel):
    t0: float
    t1: float
    t2: float
    t3: float
    held_ms: float
    apparent_offset_ms: float
    server_time: str
    node_offsets: list[OwnOffsetDocument]


class HybridDocument(BaseModel):
    text: str
    wall_ms: int
    counter: int


class SyncDocument(BaseModel):
    node: str
    lamport: int
    vector: dict[str, int]
    hybrid: HybridDocument
    refused_stamps: int
    health: str
    text: str
    reference: str | None
    database_suspect: bool
    sweep_paused_because: str | None
    cristian: list[dict[str, Any]]
    berkeley: dict[str, Any] | None
    cluster_time: dict[str, Any] | None


@api.post("/clock-sync")
@policy("public")
@api.input(ClockSyncBody, arg_name="body")
@api.output(ClockSyncDocument)
def sync_clock(body: ClockSyncBody) -> Response:
    """Cristian's exchange. All times are milliseconds since 1970.

    t0 is the caller's time as sent. t1: this node's clock when the request arrived. t2: its clock when it
    began to answer. t3: its clock when the answer left. With t4, the caller's clock when the answer
    arrived: round trip = (t4 - t0) - (t3 - t1), offset = ((t1 - t0) + (t3 - t4)) / 2, wrong by half the
    round trip at most. apparent_offset_ms is t1 - t0, which still contains the way here. node_offsets says
    how far this node's own clock is from the database's, from Redis's and from the other nodes'."""
    arrived = _milliseconds(parts().clock)
    request_key(body)  # as every POST: a key that is none is refused, though nothing is done twice here
    state = parts().cluster.state() or {}
    began = _milliseconds(parts().clock)
    sent = body.milliseconds()
    return answer(
        {
            "t0": sent,
            "t1": arrived,
            "t2": began,
            "t3": _milliseconds(parts().clock),
            "held_ms": round(began - arrived, 3),
            "apparent_offset_ms": round(arrived - sent, 3),
            "server_time": datetime.fromtimestamp(arrived / 1000, UTC).isoformat(),
            "node_offsets": _own_offsets(state),
        }
    )


@api.get("/sync")
@policy("public")
@api.output(SyncDocument)
def show_sync() -> Response:
    """This node's Lamport, vector and hybrid time; its clock against others with error bounds (Cristian: add
    offset_ms to its clock to get theirs); the last Berkeley round; the display time made of it."""
    stamp = parts().engine.stamper.peek()
    clocks = (parts().cluster.state() or {}).get("clocks", {})
    return answer(
        {
            "node": parts().config.node_id,
            "lamport": stamp.lamport,
            "vector": dict(stamp.vector),
            "hybrid": _hybrid(stamp.hybrid),
            "refused_stamps": parts().engine.stamper.refused_from_future + clocks.get("refused_stamps", 0),
            "health": clocks.get("health", "unknown"),
            "text": clocks.get("text", "the coordinator of this node does not answer"),
            "reference": clocks.get("reference"),
            "database_suspect": clocks.get("database_suspect", False),
            "sweep_paused_because": clocks.get("distrust"),
            "cristian": clocks.get("offsets", []),
            "berkeley": clocks.get("berkeley"),
            "cluster_time": clocks.get("cluster_time"),
        }
    )


def _milliseconds(clock: Clock) -> float:
    return clock.now().timestamp() * 1000


def _own_offsets(state: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("reference", "offset_ms", "error_ms")
    return [{name: each[name] for name in names} for each in state.get("clocks", {}).get("offsets", [])]


def _hybrid(stamp: HybridStamp) -> dict[str, Any]:
    return {"text": str(stamp), "wall_ms": stamp.wall_ms, "counter": stamp.counter}
