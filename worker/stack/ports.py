"""Which ports are free, and who sits on one that is not."""

import http.client
import os
import random
import socket
from itertools import islice
from pathlib import Path

from worker.stack.errors import StackError

LOOPBACK = "127.0.0.1"
# Below the range from which the system itself picks ports for outgoing connections, so that none of those
# can take a port between our look and the server's bind.
_CHOICE = range(20_000, 32_000)


def pick_free_port() -> int:
    return pick_free_ports(1)[0]


def pick_free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on; at random, so that stacks started together rarely meet."""
    shuffled = random.SystemRandom().sample(_CHOICE, len(_CHOICE))
    found = list(islice(filter(is_free, shuffled), count))
    if len(found) < count:
        raise StackError(f"there are not {count} free ports between {_CHOICE.start} and {_CHOICE.stop}")
    return found


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: TIME_WAIT is free
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def is_answering(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def http_status(port: int, path: str) -> int | None:
    """What a GET on this machine is answered with; None when nobody answers in time."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def insist_on_free(port: int, purpose: str, variable: str) -> None:
    """Raises StackError, naming the port, who holds it if that can be seen, and the way out."""
    if is_free(port):
        return
    pid = holder_of(port)
    by = f" by {_name_of(pid)} (pid {pid})" if pid else ""
    raise StackError(
        f"port {port} for {purpose} is in use{by}; stop that, or choose another with {variable}=<port>"
    )


def holder_of(port: int) -> int | None:
    """The process that listens on `port`, when /proc shows it to us."""
    sockets = _listening_sockets(port)
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(entry) in sockets:
                return int(entry.parts[2])
        except OSError:  # it ended meanwhile, or belongs to somebody else
            continue
    return None


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        for fields in map(str.split, lines):
            is_listening = fields[3] == "0A"  # TCP_LISTEN
            if is_listening and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{fields[9]}]")
    return found


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "a process"
