"""K1, K2, K3: by which policy visitors are spread over the nodes, and what each node got of them."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.coordination.balancing import Policy
from app.web import commands
from app.web.api.answers import answer
from app.web.api.request_keys import request_key
from app.web.balancing import balancing
from app.web.commands import PolicyOrder
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("balancing", __name__, url_prefix="/api/cluster/balancing", tag="Cluster")


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
@api.input(PolicyOrder, arg_name="body")
@api.output(PolicyDocument)
def choose_policy(body: PolicyOrder) -> Response:
    """Spread visitors by this policy from now on; nginx is told within ten seconds."""

    done = commands.choose_policy(body, request_key(body))
    return answer(done.value, message=f"Balancing is {body.policy.value} now", replayed=done.replayed)
