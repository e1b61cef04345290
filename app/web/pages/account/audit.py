"""The audit for operators: what was done last, and whether anybody touched the record of it."""

from __future__ import annotations

from pathlib import Path

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from app.audit.anchor_files import read_anchors
from app.audit.chain import ChainKeys
from app.audit.reading import chain_state, latest_for_operator
from app.audit.verify import Report, verify
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.parts import parts
from app.web.policy import policy

MOST_SHOWN = 60


@pages.get("/audit")
@policy("operator")
def audit() -> str:
    """The newest entries and the chains; with ?check=1 every chain is walked from its beginning."""
    report: Report | None = _verified() if request.args.get("check") else None
    with parts().database.read() as connection:
        entries = latest_for_operator(connection, MOST_SHOWN)
        chains = chain_state(connection)
    return render_template("account/audit.html", entries=entries, chains=chains, report=report)


@pages.post("/audit/check")
@policy("operator")
def audit_check() -> Response:
    """Walk the chains now."""
    return on_to(url_for("pages.audit", check=1))


def _verified() -> Report:
    config = parts().config
    with parts().database.snapshot() as connection:
        return verify(connection, ChainKeys.of(config.secrets), read_anchors(Path(config.audit_folder)))
