"""The leader's work on the audit: ties new entries to their chains, and notes how far these go."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from app.audit.anchor_files import append_anchors
from app.audit.chain import ChainKeys, Head, anchor, heads_of, link_new
from app.clock import Clock
from app.config import Config
from app.coordination.leadership import Term, require_term
from app.database import Database

ROUND_SECONDS = 1.0
ANCHOR_SECONDS = 30.0


class Notary:
    """One round at a time; harmless twice."""

    def __init__(self, config: Config, database: Database, clock: Clock) -> None:
        self._keys = ChainKeys.of(config.secrets)
        self._folder = Path(config.audit_folder)
        self._database = database
        self._clock = clock
        self._is_first_round = True
        self._anchor_at = 0.0
        self._anchored: dict[str, int] = {}

    def work(self, term: Term) -> None:
        """Raises Deposed, Unavailable."""

        def link(tx: Connection) -> list[Head]:
            require_term(tx, term)
            return link_new(tx, self._keys, all_of_them=self._is_first_round)

        moved = self._database.run(link)
        self._is_first_round = self._is_first_round and bool(moved)
        if self._clock.elapsed() >= self._anchor_at:
            self._anchor_at = self._clock.elapsed() + ANCHOR_SECONDS
            self._anchor(term)

    def _anchor(self, term: Term) -> None:
        def note(tx: Connection) -> list[Head]:
            require_term(tx, term)
            heads = [h for h in heads_of(tx).values() if self._anchored.get(h.node) != h.seq]
            anchor(tx, heads)
            return heads

        heads = self._database.run(note)
        if heads:
            at = self._clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
            append_anchors(self._folder, heads, at)
            self._anchored.update({head.node: head.seq for head in heads})
