"""B31: who leads and how it came about; starting an election."""

from __future__ import annotations

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from app.web.api.answers import answer
from app.web.api.inputs import RequestModel
from app.web.api.request_keys import request_key
from app.web.commands import Algorithm, ElectOrder, elect
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("election", __name__, url_prefix="/api/election", tag="Cluster")


class ElectionQuery(RequestModel):
    election: Annotated[str, StringConstraints(max_length=80)] | None = None
    limit: int = Field(100, ge=1, le=500)


class StartedElectionDocument(BaseModel):
    election_id: str
    algorithm: Algorithm
    forced: bool
    started_by: str


class LogDocument(BaseModel):
    node: str
    kind: str
    name: str
    text: str
    sender: str | None
    receiver: str | None
    election: str | None
    epoch: int
    lamport: int
    vector_clock: dict[str, int]
    noted_at: str


class TermDocument(BaseModel):
    epoch: int
    node: str
    algorithm: str
    started_at: str
    ended_at: str | None
    end_reason: str | None


class ElectionDocument(BaseModel):
    algorithm: str
    leader: str | None
    epoch: int | None
    lease_seconds_left: float | None
    lease_home: str | None
    is_fit: bool | None
    reason: str | None
    last_step_down: dict[str, Any] | None
    terms: list[TermDocument]
    messages: list[LogDocument]
    events: list[LogDocument]


@api.get("")
@policy("public")
@api.input(ElectionQuery, location="query", arg_name="query")
@api.output(ElectionDocument)
def show_election(query: ElectionQuery) -> Response:
    """The algorithm in use, the leader and its lease, the latest terms, and what the nodes said to each
    other.

    messages are what was sent and received (ELECTION, OK, DECLINE, COORDINATOR, TOKEN, ...) by every node,
    with the Lamport time of each; events are what the nodes noticed, such as leader.fenced. `election`
    narrows the messages to one election. With the database away they are those of this node alone."""
    found = parts().cluster.election(query.limit, query.election)
    return answer(found)


@api.post("")
@policy("operator")
@api.input(ElectOrder, arg_name="body")
@api.output(StartedElectionDocument, status_code=202)
def start_election(body: ElectOrder) -> Response:
    """Start an election at this node. A healthy leader stays, unless it is forced."""
    return begin_election(body)


def begin_election(body: ElectOrder) -> Response:
    done = elect(body, request_key(body))
    algorithm = str(done.value["algorithm"])
    begun = {
        "election_id": done.value["election"],
        "algorithm": algorithm,
        "forced": body.forced,
        "started_by": parts().config.node_id,
    }
    return answer(begun, 202, message=f"A {algorithm} election has begun", replayed=done.replayed)
