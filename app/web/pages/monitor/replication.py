"""Tab 5: how far the copies are, on every node."""

from __future__ import annotations

from app.web.pages.blueprint import pages
from app.web.pages.monitor.frame import render_tab
from app.web.policy import policy


@pages.get("/monitor/replication")
@policy("public")
def monitor_replication() -> str:
    """The copies of the slots side by side."""
    return render_tab("replication")
