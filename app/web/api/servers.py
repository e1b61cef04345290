"""B29, B30: the nodes as they are now, and starting an election."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.web.api.answers import answer
from app.web.api.elections import StartedElectionDocument, begin_election
from app.web.commands import ElectOrder
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("servers", __name__, url_prefix="/api/servers", tag="Cluster")


class ServerDocument(BaseModel):
    id: str
    name: str
    address: str
    port: int | None
    connections: int
    load: float
    weight: int
    requests: int | None
    p95_ms: float | None
    version: str | None
    is_leader: bool
    epoch: int | None
    status: str
    clock: str
    started_at: str | None
    last_heartbeat: str | None


@api.get("")
@policy("public")
@api.output(list[ServerDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_servers() -> Response:
    """Every node of the last day: status as this node's failure detector sees it (up, draining, suspect,
    down, left), requests being answered (connections), processors in use (load), requests answered since its
    coordinator began, and which one leads in which epoch."""
    return answer(parts().cluster.servers())


@api.post("/election")
@policy("operator")
@api.input(ElectOrder, arg_name="body")
@api.output(StartedElectionDocument, status_code=202)
def elect(body: ElectOrder) -> Response:
    """Start an election at this node. A healthy leader stays, unless it is forced."""
    return begin_election(body)
