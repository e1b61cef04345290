"""Where the system under test is: BASE_URL, or the file the running stack wrote."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STACK_FILE = Path(os.environ.get("ONESLOT_VAR", "var")) / "run" / "stack.json"

#: The demo account whose limits are raised, so that one machine may stand for hundreds of people.
LOAD_EMAIL = "load@example.org"

#: The demo account every development stack seeds.
DEMO_EMAIL = "admin@example.org"
DEMO_PASSWORD = "oneslot-demo"  # noqa: S105  public by design, development only


class NoTarget(Exception):
    """Nothing to test was found, or it is not ours to load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running system and what is known of its parts."""

    base_url: str
    node_urls: tuple[str, ...] = ()
    database_url: str | None = None
    redis_url: str | None = None
    admin_email: str = DEMO_EMAIL
    admin_password: str = DEMO_PASSWORD
    load_email: str = LOAD_EMAIL
    load_password: str = DEMO_PASSWORD

    @property
    def doors(self) -> tuple[str, ...]:
        """Every address that takes requests: the balancer and each node."""
        return (self.base_url, *self.node_urls)


def add_target_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--base-url", help="the balancer; default: BASE_URL, else what the stack file says")
    parser.add_argument("--stack-file", type=Path, default=STACK_FILE, help="what the running stack wrote")
    parser.add_argument(
        "--i-own-this-host", action="store_true", help="allow an address that is not loopback"
    )


def target_of(options: argparse.Namespace) -> Target:
    """The system the flags, the environment and the stack file name; raises NoTarget."""
    stack = _read_stack(options.stack_file)
    base_url = options.base_url or os.environ.get("BASE_URL") or stack.get("base_url")
    if not base_url:
        raise NoTarget(f"No stack is running here: {options.stack_file} is missing and BASE_URL is not set.")
    if stack.get("base_url", "").rstrip("/") != base_url.rstrip("/"):
        stack = {}  # the file speaks of another system
    target = Target(
        base_url=base_url.rstrip("/"),
        node_urls=tuple(node["url"].rstrip("/") for node in stack.get("nodes", ())),
        database_url=stack.get("database_url"),
        redis_url=stack.get("redis_url"),
        admin_email=os.environ.get("LOADTEST_ADMIN_EMAIL", DEMO_EMAIL),
        admin_password=os.environ.get("LOADTEST_ADMIN_PASSWORD", DEMO_PASSWORD),
        load_email=os.environ.get("LOADTEST_EMAIL", LOAD_EMAIL),
        load_password=os.environ.get("LOADTEST_PASSWORD", DEMO_PASSWORD),
    )
    if not options.i_own_this_host:
        refuse_foreign_hosts(target)
    return target


def _read_stack(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    stack: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return stack


def refuse_foreign_hosts(target: Target) -> None:
    """Load goes to this machine only, unless its owner says otherwise."""
    for door in target.doors:
        if not is_loopback(door):
            raise NoTarget(f"{door} is not on this machine. Add --i-own-this-host to load it all the same.")


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
