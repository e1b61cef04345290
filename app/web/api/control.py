"""What an operator may do with the cluster: each with a reason, each in the audit."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.web import commands
from app.web.api.answers import answer
from app.web.api.request_keys import request_key
from app.web.commands import Algorithm, AlgorithmOrder, HandOverOrder, NodeOrder, Order, ResyncOrder
from app.web.policy import policy

api = APIBlueprint("control", __name__, url_prefix="/api/cluster", tag="Cluster")


class HandOverDocument(BaseModel):
    epoch: int
    handed_over_by: str
    to: str | None


class DrainDocument(BaseModel):
    node: str
    draining: bool


class AlgorithmDocument(BaseModel):
    algorithm: Algorithm


class ResyncDocument(BaseModel):
    nodes: list[str]


class AuditRoundDocument(BaseModel):
    election_id: str


class ClockRoundDocument(BaseModel):
    number: int
    at: str
    leader: str
    epoch: int
    offsets: dict[str, float]
    average: float
    outliers: list[str]
    corrections: dict[str, float]


@api.post("/hand-over")
@policy("operator")
@api.input(HandOverOrder, arg_name="body")
@api.output(HandOverDocument, status_code=202)
def hand_over(body: HandOverOrder) -> Response:
    """Let the leader end its term now, for another node to begin one; takes less than a second."""
    done = commands.hand_over(body, request_key(body))
    given_up = {"epoch": done.value["epoch"], "handed_over_by": done.value["from"], "to": body.to}
    return answer(given_up, 202, message="The leader has handed over", replayed=done.replayed)


@api.post("/drain")
@policy("operator")
@api.input(NodeOrder, arg_name="body")
@api.output(DrainDocument, status_code=202)
def drain(body: NodeOrder) -> Response:
    """Take a node out of service: it hands over if it leads, does not lead, and gets no new visitors."""
    return _set_draining(body, is_draining=True)


@api.post("/undrain")
@policy("operator")
@api.input(NodeOrder, arg_name="body")
@api.output(DrainDocument, status_code=202)
def undrain(body: NodeOrder) -> Response:
    """Put a drained node back into service."""
    return _set_draining(body, is_draining=False)


@api.post("/algorithm")
@policy("operator")
@api.input(AlgorithmOrder, arg_name="body")
@api.output(AlgorithmDocument)
def choose_algorithm(body: AlgorithmOrder) -> Response:
    """Elect by bully or by ring from now on, on every node; the present leader stays."""
    done = commands.choose_algorithm(body, request_key(body))
    return answer(done.value, message=f"Elections are by {body.algorithm} now", replayed=done.replayed)


@api.post("/ring-audit")
@policy("operator")
@api.input(Order, arg_name="body")
@api.output(AuditRoundDocument, status_code=202)
def audit_ring(body: Order) -> Response:
    """Send a token round the ring to measure every link; nobody is elected. GET /api/election shows the
    hops."""
    done = commands.audit_ring(body, request_key(body))
    begun = {"election_id": done.value["election"]}
    return answer(begun, 202, message="A token is on its way round the ring", replayed=done.replayed)


@api.post("/resync")
@policy("operator")
@api.input(ResyncOrder, arg_name="body")
@api.output(ResyncDocument, status_code=202)
def resync(body: ResyncOrder) -> Response:
    """Have a node, or all, take their copies of the slots anew from the database."""
    done = commands.resync(body, request_key(body))
    return answer(done.value, 202, message="The copies are being taken anew", replayed=done.replayed)


@api.post("/clock-round")
@policy("operator")
@api.input(Order, arg_name="body")
@api.output(ClockRoundDocument)
def ask_all_clocks(body: Order) -> Response:
    """Have the leader ask every clock now (Berkeley) instead of at the next half minute."""
    done = commands.ask_all_clocks(body, request_key(body))
    return answer(done.value, message="Every clock has been asked", replayed=done.replayed)


def _set_draining(body: NodeOrder, *, is_draining: bool) -> Response:
    done = commands.set_draining(body, request_key(body), is_draining=is_draining)
    message = f"{body.node} is being drained" if is_draining else f"{body.node} is back in service"
    return answer(done.value, 202, message=message, replayed=done.replayed)
