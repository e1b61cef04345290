"""An audit that a test may write to, link, and harm as somebody with the keys of the database could."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import text

from app.audit.chain import ChainKeys, Head, anchor, link_new
from app.audit.journal import Scribe, Witness
from app.audit.verify import Report, verify
from app.clock import SystemClock
from app.coordination.stamps import Stamper
from app.database import Database

SECRET = "s" * 40


@dataclass
class AuditDesk:
    database: Database
    keys: ChainKeys

    def write(self, count: int, node: str = "node-1") -> None:
        scribe = Scribe(node, Stamper(self.database, node, "http://127.0.0.1:1", SystemClock()))
        for number in range(count):
            pen = scribe.pen()
            who = Witness(f"user:{uuid.UUID(int=number)}", "o" * 32)
            self.database.run(lambda tx, pen=pen, who=who, number=number: pen.note(tx, who, "test", n=number))

    def link(self) -> list[Head]:
        return self.database.run(lambda tx: link_new(tx, self.keys))

    def anchor(self, heads: list[Head]) -> None:
        self.database.run(lambda tx: anchor(tx, heads))

    def verify(self, anchors: tuple[Head, ...] = ()) -> Report:
        with self.database.snapshot() as connection:
            return verify(connection, self.keys, anchors)

    def kinds(self, anchors: tuple[Head, ...] = ()) -> list[str]:
        return [finding.kind for finding in self.verify(anchors).findings]

    def harm(self, statement: str) -> None:
        """As the owner of the tables, who can switch the triggers off."""
        with self._without_triggers() as tx:
            tx.execute(text(statement))

    @contextmanager
    def _without_triggers(self):
        tables = ("audit", "audit_chain", "audit_anchors")
        with self.database.transaction() as tx:
            for table in tables:
                if self.database.is_sqlite:
                    for event in ("UPDATE", "DELETE"):
                        tx.execute(text(f"DROP TRIGGER IF EXISTS {table}_refuses_{event}"))
                else:
                    tx.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            yield tx
            if not self.database.is_sqlite:
                for table in tables:
                    tx.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


def audit_desk(database: Database) -> AuditDesk:
    return AuditDesk(database, ChainKeys.of([SECRET]))
