"""Tab 2: which node served what, and by which policy nginx chooses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.coordination.balancing import Policy
from app.languages.texts import N_
from app.web.balancing import balancing
from app.web.pages.blueprint import pages
from app.web.pages.monitor import words
from app.web.pages.monitor.frame import render_tab
from app.web.parts import parts
from app.web.policy import policy
from app.web.survey import Sight

SHOWN_REQUESTS = 14
POLICIES = {
    Policy.ROUND_ROBIN: (N_("Round robin"), N_("Everybody in turn. Right when all nodes are alike.")),
    Policy.LEAST_CONNECTIONS: (
        N_("Least connections"),
        N_("Whoever has the fewest open requests. A slow node gets less by itself."),
    ),
    Policy.WEIGHTED: (
        N_("Weighted by load"),
        N_("Shares from 1 to 10 by each node's p95, open requests and processor."),
    ),
}
Document = dict[str, Any]


@pages.get("/monitor/requests")
@policy("public")
def monitor_requests() -> str:
    """The shares of the nodes and the latest requests."""
    survey = parts().monitor.survey
    found = balancing(survey.sights(), survey.own())
    return render_tab(
        "requests",
        balancing=found,
        policies=POLICIES,
        told_age=words.since(found["written_at"], parts().clock.now()),
        recent=latest_requests(survey.sights()),
    )


def latest_requests(sights: Mapping[str, Sight]) -> list[Document]:
    """Of all nodes, the newest first."""
    found = [
        {**request, "node": sight.node}
        for sight in sights.values()
        for request in sight.part("load").get("recent", [])
    ]
    return sorted(found, key=lambda request: str(request["at"]), reverse=True)[:SHOWN_REQUESTS]
