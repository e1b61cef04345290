"""Tab 7: many clients at one slot over all nodes, every attempt drawn; one may win."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

from flask import redirect, request, url_for
from pydantic import Field
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from app.audit.reading import detail_of
from app.coordination.membership import UP
from app.coordination.settings import LAST_RACE, read_settings, write_setting
from app.errors import Unavailable
from app.idempotency import Document
from app.web.api.booking_answers import current_actor
from app.web.arena import WON, Race, run
from app.web.commands import Order, carry_out
from app.web.pages.blueprint import pages
from app.web.pages.forms import request_key
from app.web.pages.monitor.frame import render_tab
from app.web.pages.monitor.orders import read_order
from app.web.parts import parts
from app.web.policy import policy

CHOICES = (5, 20, 50, 100)
LEFT, WIDTH, ROW = 70.0, 560.0, 9.0


class RaceOrder(Order):
    clients: int = Field(ge=2, le=100)


@dataclass(frozen=True)
class Lane:
    """One attempt in the picture."""

    attempt: Document
    x: float
    y: float
    width: float


@dataclass(frozen=True)
class Picture:
    lanes: tuple[Lane, ...]
    #: Each node's name and where its lanes begin.
    nodes: tuple[tuple[str, float], ...]
    height: float
    milliseconds: float


@dataclass(frozen=True)
class Result:
    race: Document
    winners: list[Document]
    #: How many losers were told what.
    reasons: dict[str, int]
    picture: Picture


@pages.get("/monitor/race")
@policy("public")
def monitor_race() -> str:
    """The last race, or the one asked for, and a button for the next."""
    found = parts().monitor.recall.ask(last_race=lambda connection: read_settings(connection).get(LAST_RACE))
    wanted = _as_id(request.args.get("run") or found["last_race"].value)
    race = None
    if wanted is not None:
        name = f"race {wanted}"
        race = (
            parts().monitor.recall.ask(**{name: lambda tx: detail_of(tx, wanted, "cluster.race")})[name].value
        )
    return render_tab("race", result=result_of(race["race"]) if race else None, choices=CHOICES)


@pages.post("/monitor/race")
@policy("operator")
def monitor_start_race() -> Response:
    """Run a race now; takes a second or two."""
    order: RaceOrder = read_order(RaceOrder)
    addresses = {
        s["id"]: s["address"] for s in parts().cluster.servers() if s["status"] == UP and s["address"]
    }
    if not addresses:
        raise Unavailable("No node is known to race at.")
    race = run(parts().database, parts().clock, addresses, order.clients)
    entry_id = _keep(order, race)
    return redirect(url_for("pages.monitor_race", run=entry_id, done="race") + "#result", 303)


def result_of(race: Document) -> Result:
    attempts = race["attempts"]
    told = Counter(attempt["reason"] for attempt in attempts if attempt["outcome"] != WON)
    winners = [attempt for attempt in attempts if attempt["outcome"] == WON]
    return Result(race, winners, dict(told.most_common()), draw(attempts))


def draw(attempts: list[Document]) -> Picture:
    """A lane per attempt from its start to its answer, by node."""
    longest = max([attempt["ended_ms"] for attempt in attempts] + [1.0])
    lanes: list[Lane] = []
    nodes: list[tuple[str, float]] = []
    y = 4.0
    for attempt in attempts:
        if not nodes or nodes[-1][0] != attempt["node"]:
            y += ROW if nodes else 0.0
            nodes.append((attempt["node"], y))
        x = LEFT + WIDTH * attempt["began_ms"] / longest
        width = max(WIDTH * (attempt["ended_ms"] - attempt["began_ms"]) / longest, 2.0)
        lanes.append(Lane(attempt, round(x, 1), y, round(width, 1)))
        y += ROW
    return Picture(tuple(lanes), tuple(nodes), y + 22, longest)


def _keep(order: RaceOrder, race: Race) -> uuid.UUID:
    """Into the audit, with who wanted it and why; any node can show it from there."""
    entry_id = uuid.uuid4()

    def write(tx: Connection) -> dict[str, Any]:
        write_setting(tx, LAST_RACE, str(entry_id), current_actor().label)
        return {"race": str(entry_id)}

    key = request_key(order.model_dump(mode="json"), "race")
    done = carry_out("cluster.race", order, key, {"race": race.document()}, write, entry_id)
    return uuid.UUID(done.value["race"])


def _as_id(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
