"""K1, K2, K3: by which policy visitors are spread over the nodes, and what each node got of them."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from app.coordination.balancing import Policy
from app.coordination.settings import BALANCING_POLICY, write_setting
from app.web.api.answers import answer
from app.web.api.booking_answers import current_actor
from app.web.api.elections import Reason
from app.web.api.inputs import RequestModel
from app.web.api.orders import carry_out
from app.web.balancing import balancing
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("balancing", __name__, url_prefix="/api/cluster/balancing", tag="Cluster")


class PolicyBody(RequestModel):
    policy: Policy
    reason: Reason = Field(description="why; kept in the audit")


class PolicyDocument(BaseModel):
    policy: Policy


class ShareDocument(BaseModel):
    node: str
    status: str
    weight: int
    wanted: float | None
    served: float | None
    requests: int
    per_second: float
    connections: int
    streams: int
    p95_ms: float
    failures: int


class BalancingDocument(BaseModel):
    policy: str
    in_force: str | None
    by: str | None
    reason: str | None
    trouble: str | None
    written_at: str | None
    reloads: int
    window_seconds: int
    shares: list[ShareDocument]


@api.get("")
@policy("public")
@api.output(BalancingDocument)
def show_balancing() -> Response:
    """The policy the operator chose, the one nginx has been told, and per node the share it should get and
    got.

    wanted is null under least_connections, where each node's speed decides. served and requests count the
    last window_seconds; connections are requests being answered now, streams are those of them that are event
    streams. by names the node that writes for nginx; without one reason says why."""
    survey = parts().monitor.survey
    return answer(balancing(survey.sights(), survey.own()))


@api.post("")
@policy("operator")
@api.input(PolicyBody, arg_name="body")
@api.output(PolicyDocument)
def choose_policy(body: PolicyBody) -> Response:
    """Spread visitors by this policy from now on; nginx is told within ten seconds."""

    def write(tx: Any) -> dict[str, Any]:
        write_setting(tx, BALANCING_POLICY, body.policy, current_actor().label)
        return {"policy": body.policy.value}

    done = carry_out("cluster.balancing", body, {}, write)
    parts().cluster.nudge(None)
    return answer(done.value, message=f"Balancing is {body.policy.value} now", replayed=done.replayed)
