"""What an operator may order, through API and monitor alike: with a reason, in the audit, once per key."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StringConstraints
from sqlalchemy import Connection

from app.audit import journal
from app.coordination import membership
from app.coordination.balancing import Policy
from app.coordination.settings import BALANCING_POLICY, ELECTION_ALGORITHM, write_setting
from app.errors import NotFound
from app.idempotency import Answer, Document, RequestKey, once
from app.web.api.booking_answers import current_actor
from app.web.api.inputs import RequestModel
from app.web.origins import origin
from app.web.parts import parts

Algorithm = Literal["bully", "ring"]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200)]
NodeId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]


class Order(RequestModel):
    reason: Reason = Field(description="why; kept in the audit")


class ElectOrder(RequestModel):
    algorithm: Algorithm | None = Field(None, description="bully or ring; by default the one in use")
    forced: StrictBool = Field(False, description="true: the strongest node leads, even after a healthy one")
    reason: Reason = "started by an operator"


class HandOverOrder(Order):
    to: NodeId | None = Field(None, description="who goes first; by default the strongest other node")


class NodeOrder(Order):
    node: NodeId


class ResyncOrder(Order):
    node: NodeId | None = Field(None, description="whose copy; by default those of all nodes")


class AlgorithmOrder(Order):
    algorithm: Algorithm


class PolicyOrder(Order):
    policy: Policy


def elect(order: ElectOrder, key: RequestKey | None) -> Answer:
    """Start an election at this node; its id is in the value."""
    algorithm = order.algorithm or parts().cluster.algorithm()
    wanted = {"algorithm": algorithm, "is_forced": order.forced}
    return carry_out(
        "cluster.elect",
        order,
        key,
        {"algorithm": algorithm},
        lambda _tx: {**parts().cluster.order("operator.trigger", wanted), "algorithm": algorithm},
    )


def hand_over(order: HandOverOrder, key: RequestKey | None) -> Answer:
    """Let the leader end its term now."""
    wanted = {"to": order.to, "reason": f"the operator: {order.reason}"}
    return _coordinate("cluster.hand_over", order, key, "operator.hand_over", wanted)


def audit_ring(order: Order, key: RequestKey | None) -> Answer:
    """Send a token round the ring to measure every link."""
    return _coordinate("cluster.ring_audit", order, key, "operator.audit_ring")


def ask_all_clocks(order: Order, key: RequestKey | None) -> Answer:
    """Have the leader hold a Berkeley round now."""
    return _coordinate("cluster.clock_round", order, key, "operator.clock_round")


def resync(order: ResyncOrder, key: RequestKey | None) -> Answer:
    """Have nodes take their copies of the slots anew from the database."""
    return _coordinate("cluster.resync", order, key, "operator.resync", {"node": order.node})


def set_draining(order: NodeOrder, key: RequestKey | None, *, is_draining: bool) -> Answer:
    """Raises NotFound for a node that was never there."""

    def write(tx: Connection) -> Document:
        if not membership.wish_drained(tx, order.node, is_draining):
            raise NotFound("There is no such node.", node=order.node)
        return {"node": order.node, "draining": is_draining}

    done = carry_out("cluster.drain" if is_draining else "cluster.undrain", order, key, {}, write)
    parts().cluster.nudge(order.node)
    return done


def choose_algorithm(order: AlgorithmOrder, key: RequestKey | None) -> Answer:
    return _set("cluster.algorithm", order, key, ELECTION_ALGORITHM, {"algorithm": order.algorithm})


def choose_policy(order: PolicyOrder, key: RequestKey | None) -> Answer:
    return _set("cluster.balancing", order, key, BALANCING_POLICY, {"policy": order.policy.value})


def carry_out(
    action: str,
    order: RequestModel,
    key: RequestKey | None,
    detail: Document,
    work: Callable[[Connection], Document],
    entry_id: uuid.UUID | None = None,
) -> Answer:
    """Do the work in one transaction with the note of who wanted it and why; neither without the other."""
    actor, stamp = current_actor().label, parts().engine.stamper.stamp()

    def audited(tx: Connection) -> Document:
        journal.record(
            tx,
            node=parts().config.node_id,
            actor=actor,
            action=action,
            stamp=stamp,
            detail={**order.model_dump(mode="json"), **detail},
            entry_id=entry_id,
            origin=origin(),
            purpose=getattr(order, "reason", None),
        )
        return work(tx)

    return once(parts().database, key, audited)


def _coordinate(
    action: str, order: RequestModel, key: RequestKey | None, method: str, payload: Any = None
) -> Answer:
    """Have this node's coordinator do it. Asked within the transaction, so that an order that was not taken
    leaves no trace of having been given; giving one twice is harmless."""
    return carry_out(action, order, key, {}, lambda _tx: parts().cluster.order(method, payload))


def _set(action: str, order: RequestModel, key: RequestKey | None, name: str, value: Document) -> Answer:
    def write(tx: Connection) -> Document:
        write_setting(tx, name, next(iter(value.values())), current_actor().label)
        return value

    done = carry_out(action, order, key, {}, write)
    parts().cluster.nudge(None)
    return done
