"""Finds what was done to the audit: an entry edited or removed, a link forged, a tail cut off."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.audit.chain import BEGINNING, ChainKeys, Head, link_hash
from app.database import db_now
from app.tables.journal import AuditAnchor, AuditEntry, AuditLink

#: An entry is linked within seconds; one that is not by then was kept out.
UNLINKED_SECONDS = 60


@dataclass(frozen=True)
class Finding:
    """Something that cannot be if nobody touched the audit."""

    kind: str
    node: str
    seq: int
    words: str


@dataclass(frozen=True)
class Report:
    entries: int
    heads: tuple[Head, ...]
    findings: tuple[Finding, ...]


def verify(connection: Connection, keys: ChainKeys, anchors: Iterable[Head] = ()) -> Report:
    """Walk every chain from its beginning, and compare its end with every anchor.

    anchors are those kept outside of the database; its own are looked at as well."""
    findings: list[Finding] = []
    heads: dict[str, Head] = {}
    hashes: dict[tuple[str, int], str] = {}
    entries = 0
    wanted = [*_own_anchors(connection), *anchors]
    marks = {(each.node, each.seq) for each in wanted}
    for row in _links(connection):
        before = heads.get(row.link_node, Head(row.link_node, 0, BEGINNING))
        findings += _faults(row, before, keys)
        heads[row.link_node] = Head(row.link_node, row.seq, row.hash)
        entries += row.id is not None
        if (row.link_node, row.seq) in marks:
            hashes[row.link_node, row.seq] = row.hash
    findings += _cut(wanted, heads, hashes)
    findings += _left_out(connection)
    return Report(entries, tuple(heads.values()), tuple(findings))


def _links(connection: Connection) -> Iterator[Row[Any]]:
    """Every link with the entry it is of, chain by chain."""
    columns = AuditEntry.__table__.columns
    query = (
        select(
            AuditLink.node.label("link_node"), AuditLink.seq, AuditLink.hash, AuditLink.key_id,
            AuditLink.entry_id, *columns,
        )
        .outerjoin(AuditEntry, AuditEntry.id == AuditLink.entry_id)
        .order_by(AuditLink.node, AuditLink.seq)
    )  # fmt: skip
    yield from connection.execution_options(yield_per=2000).execute(query)


def _faults(row: Row[Any], before: Head, keys: ChainKeys) -> Iterator[Finding]:
    node, seq = row.link_node, row.seq
    if seq != before.seq + 1:
        words = f"the links {before.seq + 1} to {seq - 1} are missing"
        yield Finding("removed", node, before.seq + 1, words)
        return
    if row.id is None:
        yield Finding("removed", node, seq, f"the entry {row.entry_id} is gone")
        return
    key = keys.by_id.get(row.key_id)
    if key is None:
        yield Finding("unknown key", node, seq, f"no secret of ours is named {row.key_id}")
    elif not hmac.compare_digest(link_hash(key, before.hash, seq, row), row.hash):
        yield Finding("edited", node, seq, f"the entry {row.entry_id} is not as it was written")


def _cut(
    anchors: Iterable[Head], heads: dict[str, Head], hashes: dict[tuple[str, int], str]
) -> list[Finding]:
    found: dict[tuple[str, int], Finding] = {}
    for each in anchors:
        end = heads.get(each.node, Head(each.node, 0, BEGINNING))
        if end.seq < each.seq:
            words = f"the chain ends at {end.seq}, but it went to {each.seq}"
            found[each.node, -1] = Finding("cut", each.node, each.seq, words)
        elif hashes.get((each.node, each.seq)) not in (None, each.hash):
            words = "the chain was made anew: it is not the one that was anchored"
            found[each.node, each.seq] = Finding("replaced", each.node, each.seq, words)
    return list(found.values())


def _left_out(connection: Connection) -> list[Finding]:
    query = (
        select(AuditEntry.node, func.count().label("entries"))
        .outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .where(AuditLink.entry_id.is_(None), AuditEntry.at < db_now(-UNLINKED_SECONDS))
        .group_by(AuditEntry.node)
    )
    return [
        Finding("unlinked", row.node, 0, f"{row.entries} entries are tied to nothing")
        for row in connection.execute(query)
    ]


def _own_anchors(connection: Connection) -> list[Head]:
    rows = connection.execute(select(AuditAnchor.node, AuditAnchor.seq, AuditAnchor.hash))
    return [Head(row.node, row.seq, row.hash) for row in rows]
