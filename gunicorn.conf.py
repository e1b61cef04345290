"""How every node, and the events process, serves HTTP: explicit where gunicorn would guess."""

import os
import signal
from typing import Any

from worker.lifeline import end_with_parent
from worker.node import port_of

_name = os.environ.get("NODE_ID") or os.environ.get("SERVER_ID") or os.environ.get("DYNO") or "node-1"
# A platform's router comes from outside, so that is the default; `make run` says 127.0.0.1.
_host = os.environ.get("BIND_HOST") or "0.0.0.0"  # noqa: S104

bind = [f"{_host}:{port_of(os.environ)}"]
workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
worker_class = "gevent"  # event streams cost a greenlet, not a thread; psycopg 3 yields while it waits
worker_connections = 2000  # event streams and requests together
timeout = 30
graceful_timeout = int(os.environ.get("GRACEFUL_SECONDS") or 20)
limit_request_line = 8190  # as nginx: the application itself then says which parameter is too long
keepalive = 75  # longer than nginx keeps its side (60 s), so that it never sends into a closing connection
control_socket_disable = True  # its default path is shared by all servers of one user
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - heartbeats on a disk can stall
# On a platform only its router can reach us; elsewhere only a balancer on this machine is believed.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS") or ("*" if "DYNO" in os.environ else "127.0.0.1")
proc_name = f"oneslot {_name}"
errorlog = "-"
accesslog = None  # the application logs each request with its correlation id


def post_fork(server: Any, worker: Any) -> None:
    """A worker whose master was killed must not answer for a node that is gone."""
    end_with_parent(server.pid, signal.SIGKILL)
