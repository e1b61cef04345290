"""Is this node well, are all nodes well."""

from __future__ import annotations

from http import HTTPStatus

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.web.api.answers import answer
from app.web.failures import Failure, problem
from app.web.node_health import UNAVAILABLE, Document
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("health", __name__, tag="Cluster")


class NodeHealthDocument(BaseModel):
    status: str
    node: str
    database: str
    database_kind: str
    redis: str


class ClusterHealthDocument(BaseModel):
    status: str
    nodes: list[dict[str, str]]


@api.get("/health")
@policy("public")
@api.output(NodeHealthDocument)
def show_own_health() -> Response:
    """Whether this node can serve: 200, or 503 when it cannot reach the database."""
    return _health(parts().health.of_this_node(), "This node cannot reach the database.")


@api.get("/api/health")
@policy("public")
@api.output(ClusterHealthDocument)
def show_cluster_health() -> Response:
    """The health of every node: 200 while any can serve, degraded when one cannot."""
    return _health(parts().health.of_all_nodes(), "No node can reach the database.")


def _health(health: Document, trouble: str) -> Response:
    if health["status"] != UNAVAILABLE:
        return answer(health)
    headers = {"Retry-After": "2"}
    return problem(
        Failure(
            HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", "Not available at the moment", trouble,
            retryable=True, extras={"data": health}, headers=headers,
        )
    )  # fmt: skip
