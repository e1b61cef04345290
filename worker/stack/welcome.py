"""The last words of a start: where to go, how to log in, what runs where."""

import time
from collections.abc import Mapping, Sequence

from worker.stack.ports import LOOPBACK
from worker.stack.settings import StackSettings

DEMO_ACCOUNTS = ("admin", "operator", "desk", "patient")
DEMO_PASSWORD = "oneslot-demo"  # noqa: S105 - public on purpose; the demo data exists in development only


def welcome(settings: StackSettings, titles: Mapping[str, str], started_at: float, *, is_demo: bool) -> str:
    """A few lines a person can keep beside the browser."""
    site = f"http://{LOOPBACK}:{settings.http_port}"
    places = [("Open", site), ("API", f"{site}/api-docs")]
    if is_demo:
        accounts = "  ".join(f"{name}@example.org" for name in DEMO_ACCOUNTS)
        places += [("Log in", accounts), ("", f"password: {DEMO_PASSWORD}")]
    if not settings.smtp_url:
        places.append(("Mails", f"{site}/dev/mails (nothing leaves this machine)"))
    places += [("Logs", str(settings.var / "log")), ("State", str(settings.var / "run" / "stack.json"))]
    took = time.monotonic() - started_at
    parts = [f"Oneslot is up after {took:.1f} s", _aligned(places), _aligned(_what_runs(settings, titles))]
    return "\n" + "\n\n".join(parts) + "\n\nCtrl-C stops everything; the data stays."


def _what_runs(settings: StackSettings, titles: Mapping[str, str]) -> list[tuple[str, str]]:
    nodes = [(node.id, f"port {node.port}, with its coordinator") for node in settings.nodes]
    return [
        ("nginx", f"port {settings.http_port}, {titles['nginx']}"),
        *nodes,
        ("events", f"port {settings.events_port}"),
        ("jobs", f"{settings.rq_workers} RQ workers"),
        ("database", titles["postgres"]),
        ("redis", titles["redis"]),
        ("mail", titles["mail-sink"]),
    ]


def _aligned(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"  {name.ljust(width)}   {text}" for name, text in rows)
