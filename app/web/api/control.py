"""What an operator may do with the cluster: each with a reason, each in the audit."""

from __future__ import annotations

from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from app.coordination import membership
from app.coordination.settings import ELECTION_ALGORITHM, write_setting
from app.errors import NotFound
from app.web.api.answers import answer
from app.web.api.booking_answers import current_actor
from app.web.api.elections import Algorithm, Reason
from app.web.api.inputs import RequestModel
from app.web.api.orders import carry_out, order
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("control", __name__, url_prefix="/api/cluster", tag="Cluster")
NodeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]


class ReasonBody(RequestModel):
    reason: Reason


class HandOverBody(ReasonBody):
    to: NodeId | None = Field(None, description="who goes first; by default the strongest other node")


class NodeBody(ReasonBody):
    node: NodeId


class AlgorithmBody(ReasonBody):
    algorithm: Algorithm


class HandOverDocument(BaseModel):
    epoch: int
    handed_over_by: str
    to: str | None


class DrainDocument(BaseModel):
    node: str
    draining: bool


class AlgorithmDocument(BaseModel):
    algorithm: Algorithm


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
@api.input(HandOverBody, arg_name="body")
@api.output(HandOverDocument, status_code=202)
def hand_over(body: HandOverBody) -> Response:
    """Let the leader end its term now, for another node to begin one; takes less than a second."""
    wanted = {"to": body.to, "reason": f"the operator: {body.reason}"}
    done = order("cluster.hand_over", body, "operator.hand_over", wanted)
    given_up = {"epoch": done.value["epoch"], "handed_over_by": done.value["from"], "to": body.to}
    return answer(given_up, 202, message="The leader has handed over", replayed=done.replayed)


@api.post("/drain")
@policy("operator")
@api.input(NodeBody, arg_name="body")
@api.output(DrainDocument, status_code=202)
def drain(body: NodeBody) -> Response:
    """Take a node out of service: it hands over if it leads, does not lead, and gets no new visitors."""
    return _set_draining(body, is_draining=True)


@api.post("/undrain")
@policy("operator")
@api.input(NodeBody, arg_name="body")
@api.output(DrainDocument, status_code=202)
def undrain(body: NodeBody) -> Response:
    """Put a drained node back into service."""
    return _set_draining(body, is_draining=False)


@api.post("/algorithm")
@policy("operator")
@api.input(AlgorithmBody, arg_name="body")
@api.output(AlgorithmDocument)
def choose_algorithm(body: AlgorithmBody) -> Response:
    """Elect by bully or by ring from now on, on every node; the present leader stays."""

    def write(tx: Any) -> dict[str, Any]:
        write_setting(tx, ELECTION_ALGORITHM, body.algorithm, current_actor().label)
        return {"algorithm": body.algorithm}

    done = carry_out("cluster.algorithm", body, {}, write)
    parts().cluster.nudge(None)
    return answer(done.value, message=f"Elections are by {body.algorithm} now", replayed=done.replayed)


@api.post("/ring-audit")
@policy("operator")
@api.input(ReasonBody, arg_name="body")
@api.output(AuditRoundDocument, status_code=202)
def audit_ring(body: ReasonBody) -> Response:
    """Send a token round the ring to measure every link; nobody is elected. GET /api/election shows the
    hops."""
    done = order("cluster.ring_audit", body, "operator.audit_ring")
    begun = {"election_id": done.value["election"]}
    return answer(begun, 202, message="A token is on its way round the ring", replayed=done.replayed)


@api.post("/clock-round")
@policy("operator")
@api.input(ReasonBody, arg_name="body")
@api.output(ClockRoundDocument)
def ask_all_clocks(body: ReasonBody) -> Response:
    """Have the leader ask every clock now (Berkeley) instead of at the next half minute."""
    done = order("cluster.clock_round", body, "operator.clock_round")
    return answer(done.value, message="Every clock has been asked", replayed=done.replayed)


def _set_draining(body: NodeBody, *, is_draining: bool) -> Response:
    def write(tx: Any) -> dict[str, Any]:
        if not membership.wish_drained(tx, body.node, is_draining):
            raise NotFound("There is no such node.", node=body.node)
        return {"node": body.node, "draining": is_draining}

    done = carry_out("cluster.drain" if is_draining else "cluster.undrain", body, {}, write)
    parts().cluster.nudge(body.node)
    message = f"{body.node} is being drained" if is_draining else f"{body.node} is back in service"
    return answer(done.value, 202, message=message, replayed=done.replayed)
