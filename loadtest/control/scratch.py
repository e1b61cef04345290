"""A control server of one's own for a moment: scratch directory, free port, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loadtest.control.ledger import Ledger
from loadtest.control.server import serve
from loadtest.target import Target


@contextmanager
def control_server(*, is_guarded: bool, hold_seconds: float = 120.0) -> Iterator[Target]:
    """A running control server in this process, as a target."""
    with tempfile.TemporaryDirectory(prefix="oneslot-control-") as directory:
        database = Path(directory) / "scratch.db"
        ledger = Ledger(database, is_guarded=is_guarded)
        server = serve(ledger, hold_seconds)
        url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield Target(base_url=url, node_urls=(url,), database_url=f"sqlite:///{database}")
        finally:
            server.shutdown()
            server.server_close()
            ledger.close()
