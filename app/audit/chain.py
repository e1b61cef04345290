"""The audit's chain: each entry of a node is tied to all before it (Haber & Stornetta 1991, kept per node).

The links are HMACs under keys the database never sees: who can write to it can remove entries, but cannot
make a chain that hides it. Entries are linked within seconds of their commit, by the leader, in an order of
their own; tying them inside the transactions they belong to would make bookings queue for each other."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, insert, select

from app.database import db_now
from app.tables.journal import AuditAnchor, AuditEntry, AuditLink

LINKED_AT_ONCE = 500
#: No transaction is open for longer, so nothing older is still to come.
WINDOW_SECONDS = 600
BEGINNING = "0" * 64
PURPOSE = b"oneslot audit chain"


@dataclass(frozen=True)
class ChainKeys:
    """The keys by their names, the one in use first."""

    by_id: Mapping[str, bytes]

    @classmethod
    def of(cls, secrets: Sequence[str]) -> ChainKeys:
        keys = [hmac.digest(secret.encode(), PURPOSE, hashlib.sha256) for secret in secrets]
        return cls({hashlib.sha256(key).hexdigest()[:8]: key for key in keys})

    @property
    def current(self) -> str:
        return next(iter(self.by_id))


@dataclass(frozen=True)
class Head:
    """How far a node's chain goes."""

    node: str
    seq: int
    hash: str


def link_hash(key: bytes, before: str, seq: int, entry: Row[Any]) -> str:
    """The link of this entry: over the hash before, its place, and every column."""
    return hmac.new(key, f"{before}\n{seq}\n".encode() + _canonical(entry), hashlib.sha256).hexdigest()


def link_new(tx: Connection, keys: ChainKeys, *, all_of_them: bool = False) -> list[Head]:
    """Tie what was written lately to the chain of its node; the heads that moved.

    The primary key refuses a second linker at the same place."""
    entries = _unlinked(tx, all_of_them=all_of_them)
    heads = heads_of(tx, {entry.node for entry in entries})
    links = []
    for entry in entries:
        before = heads.get(entry.node, Head(entry.node, 0, BEGINNING))
        seq = before.seq + 1
        hashed = link_hash(keys.by_id[keys.current], before.hash, seq, entry)
        heads[entry.node] = Head(entry.node, seq, hashed)
        links.append(
            {"node": entry.node, "seq": seq, "entry_id": entry.id, "hash": hashed, "key_id": keys.current}
        )
    if links:
        tx.execute(insert(AuditLink), links)
    return list(heads.values())


def heads_of(connection: Connection, nodes: set[str] | None = None) -> dict[str, Head]:
    """The end of each node's chain."""
    last = select(AuditLink.node, func.max(AuditLink.seq).label("seq")).group_by(AuditLink.node)
    if nodes is not None:
        last = last.where(AuditLink.node.in_(nodes))
    ends = last.subquery()
    rows = connection.execute(
        select(AuditLink.node, AuditLink.seq, AuditLink.hash).join(
            ends, (ends.c.node == AuditLink.node) & (ends.c.seq == AuditLink.seq)
        )
    )
    return {row.node: Head(row.node, row.seq, row.hash) for row in rows}


def anchor(tx: Connection, heads: Sequence[Head]) -> None:
    """Note how far the chains go."""
    known = {(row.node, row.seq) for row in tx.execute(select(AuditAnchor.node, AuditAnchor.seq))}
    rows = [
        {"node": head.node, "seq": head.seq, "hash": head.hash}
        for head in heads
        if (head.node, head.seq) not in known
    ]
    if rows:
        tx.execute(insert(AuditAnchor), rows)


def _unlinked(tx: Connection, *, all_of_them: bool) -> list[Row[Any]]:
    query = (
        select(*AuditEntry.__table__.columns)
        .outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .where(AuditLink.entry_id.is_(None))
        .order_by(AuditEntry.at, AuditEntry.id)
        .limit(LINKED_AT_ONCE)
    )
    if not all_of_them:
        query = query.where(AuditEntry.at > db_now(-WINDOW_SECONDS))
    return list(tx.execute(query))


def _canonical(entry: Row[Any]) -> bytes:
    """Every column, in the order of their names."""
    values = {name: _plain(value) for name, value in entry._mapping.items() if name in COLUMNS}
    return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)


def _plain(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.isoformat(timespec="microseconds") if hasattr(value, "isoformat") else value


COLUMNS = frozenset(column.name for column in AuditEntry.__table__.columns)
