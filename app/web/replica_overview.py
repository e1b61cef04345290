"""All copies of the slots side by side, from what each node's coordinator reports of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.coordination.replication.report import describe, report_of
from app.languages.texts import N_
from app.web.mirror import Mirror

MOST_STREAMS = 200
MODES = {
    "slots": N_("one writer, the database; copies on every node"),
    "status_board": N_("every node writes; the last write wins per field"),
    "healing": N_("gossip between the nodes"),
}
#: The raw numbers behind the comparison.
NOT_SHOWN = {"truth", "horizon"}
Document = dict[str, Any]
Reports = Mapping[str, Document]


def overview(reports: Reports, asked_node: str) -> Document:
    """What the nodes say, compared with the database as the asked node last looked at it."""
    truth = reports.get(asked_node, {}).get("truth")
    return {
        "mode": MODES,
        "database": _truth(truth) if truth else None,
        "nodes": [_node(name, report, truth) for name, report in sorted(reports.items())],
        "streams": _streams(reports, truth)[:MOST_STREAMS],
    }


def alone(mirror: Mirror) -> Document:
    """What this worker can say while its coordinator is away."""
    replica = mirror.neighbour.replica
    report = describe(report_of(replica, mirror.feed))
    return {**report, "streams": replica.stream_digests(), "workers": {}, "truth": None}


def _truth(truth: Document) -> Document:
    return {
        "digest": truth["digest"],
        "streams": len(truth["streams"]),
        "rows": sum(rows for _, rows, _ in truth["streams"].values()),
        "is_complete": truth["is_complete"],
        "read_at": truth["read_at"],
    }


def _node(name: str, report: Document, truth: Document | None) -> Document:
    equal = [_is_equal(stream, report, truth) for stream in report["streams"]]
    return {
        **{name: value for name, value in report.items() if name not in NOT_SHOWN},
        "node": name,
        "streams": len(report["streams"]),
        # Different beats unknown beats equal.
        "is_equal": False if False in equal else None if None in equal or truth is None else True,
    }


def _streams(reports: Reports, truth: Document | None) -> list[Document]:
    heads = dict(truth["heads"]) if truth else {}
    for report in reports.values():
        for stream, (seq, _, _) in report["streams"].items():
            heads[stream] = max(seq, heads.get(stream, 0))
    shown = [_stream(stream, head, reports, truth) for stream, head in sorted(heads.items())]
    return sorted(shown, key=lambda each: -max((node["lag"] for node in each["nodes"].values()), default=0))


def _stream(stream: str, head: int, reports: Reports, truth: Document | None) -> Document:
    known = truth["streams"].get(stream) if truth else None
    return {
        "stream": stream,
        "head": head,
        "rows": known[1] if known else None,
        "digest": known[2] if known else None,
        "nodes": {node: _applied(stream, head, report, truth) for node, report in sorted(reports.items())},
    }


def _applied(stream: str, head: int, report: Document, truth: Document | None) -> Document:
    seq, rows, digest = report["streams"].get(stream, (0, 0, "0" * 16))
    is_equal = _is_equal(stream, report, truth)
    return {"applied": seq, "lag": head - seq, "rows": rows, "digest": digest, "is_equal": is_equal}


def _is_equal(stream: str, report: Document, truth: Document | None) -> bool | None:
    """None when they were looked at in different states, and so cannot be compared."""
    here, there = report["streams"].get(stream), (truth or {"streams": {}})["streams"].get(stream)
    if not here or not there or here[0] != there[0] or report["horizon"] != (truth or {}).get("horizon"):
        return None
    return bool(here[2] == there[2])
