"""The state of the cluster each second, as server-sent events: for the monitor and for programs."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from app.web.events import ANSWER
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("cluster_events", __name__, url_prefix="/api/cluster/events", tag="Cluster")


@api.get("")
@policy("public")
@api.doc(responses=ANSWER)
def stream_cluster() -> Response:
    """The state of the cluster each second, as server-sent events.

    `cluster` carries `{type, nodes, nodes_up, leader, epoch, bookings_per_second, p50_ms, p99_ms,
    requests_per_second, double_bookings, ...}`, with ages in seconds; what is not known is null. No patient
    data, no addresses."""
    response = Response(parts().monitor.pulse.open(), mimetype="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response
