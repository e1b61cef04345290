"""The audit as an operator sees it: who did what, when and under which stamps; never whose data it was."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from app.audit.reading import chain_state, latest_for_operator
from app.web.api.answers import answer
from app.web.api.fields import Line
from app.web.api.inputs import RequestModel
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("audit", __name__, url_prefix="/api/audit", tag="Cluster")


class AuditQuery(RequestModel):
    limit: int = Field(50, ge=1, le=200)
    action: Line | None = None


class EntryDocument(BaseModel):
    id: str
    at: str
    node: str
    actor: str
    action: str
    purpose: str | None
    origin: str | None
    lamport: int
    hybrid_clock: int
    seq: int | None
    hash: str | None


class ChainDocument(BaseModel):
    node: str
    entries: int
    hash: str


class AuditDocument(BaseModel):
    entries: list[EntryDocument]
    chains: list[ChainDocument]


@api.get("")
@policy("operator")
@api.input(AuditQuery, location="query", arg_name="query")
@api.output(AuditDocument)
def show_audit(query: AuditQuery) -> Response:
    """Show the newest entries, their links, and how far each node's chain goes."""
    with parts().database.read() as connection:
        entries = latest_for_operator(connection, query.limit, query.action)
        return answer({"entries": entries, "chains": chain_state(connection)})
