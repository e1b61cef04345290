"""What the monitor stands on: what the nodes say, what the database remembers, the numbers at the top."""

from __future__ import annotations

from dataclasses import dataclass

from app.clock import Clock
from app.config import Config
from app.coordination.rpc.client import Client
from app.database import Database
from app.web.broadcast import Broadcaster
from app.web.cluster import Cluster
from app.web.overview import Overviews
from app.web.pulse import Pulse
from app.web.recall import Recall
from app.web.survey import Survey


@dataclass(frozen=True)
class Monitor:
    survey: Survey
    recall: Recall
    overviews: Overviews
    pulse: Pulse


def build_monitor(
    config: Config,
    clock: Clock,
    database: Database,
    client: Client,
    cluster: Cluster,
    broadcaster: Broadcaster,
) -> Monitor:
    survey, recall = Survey(config.node_id, client, clock), Recall(database, clock)
    overviews = Overviews(config.node_id, cluster, survey, recall)
    pulse = Pulse("cluster", clock, lambda: overviews.read().document(), lambda: broadcaster.is_stopping)
    return Monitor(survey, recall, overviews, pulse)
