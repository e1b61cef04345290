"""A small application in the product's own shape: same gunicorn settings, as many servers, the same nginx.

The balancer's configuration is the product's, copied from the running stack; only names and ports differ."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from loadtest.bench.processes import Processes
from loadtest.bench.stack import ROOT, RunningStack, StackFailed

_READY_SECONDS = 60.0


@dataclass(frozen=True)
class Beside:
    """A running application that stands beside the product."""

    url: str
    processes: Processes


@contextmanager
def running_beside(
    stack: RunningStack, folder: Path, application: str, environment: Mapping[str, str]
) -> Iterator[Beside]:
    """`application` is what gunicorn loads, such as loadtest.bench.hello:app."""
    ports = _free_ports(len(stack.node_urls) + 1)
    folder.mkdir(parents=True, exist_ok=True)
    configuration = _copy_nginx(stack, folder / "nginx", ports)
    started: dict[str, subprocess.Popen[bytes]] = {}
    with (folder / "log").open("w") as log:
        try:
            for number, port in enumerate(ports[:-1], 1):
                own = {"PORT": str(port), "BIND_HOST": "127.0.0.1", "NODE_ID": f"beside-{number}"}
                command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", application]
                started[f"node-{number}"] = subprocess.Popen(
                    command, cwd=ROOT, env={**os.environ, **environment, **own}, stdout=log, stderr=log
                )
            nginx = psutil.Process(stack.pids["nginx"]).exe()
            command = [nginx, "-e", "stderr", "-p", str(configuration.parent), "-c", str(configuration)]
            started["nginx"] = subprocess.Popen(command, stdout=log, stderr=log)
            for port in ports:
                _wait_until_it_answers(port)
            pids = {name: child.pid for name, child in started.items()}
            yield Beside(f"http://127.0.0.1:{ports[-1]}", Processes({**stack.pids, **_alone(stack, pids)}))
        finally:
            for child in started.values():
                child.terminate()
            for child in started.values():
                child.wait(30)


def _alone(stack: RunningStack, own: Mapping[str, int]) -> dict[str, int]:
    """Database and Redis are shared with the product; its nodes and balancer are not ours."""
    strangers = {name: -1 for name in stack.pids if name.startswith(("node-", "nginx"))}
    return {**strangers, **own}


def _copy_nginx(stack: RunningStack, folder: Path, ports: list[int]) -> Path:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    theirs = stack.nginx_folder
    for name in ("nginx.conf", "upstream.conf", "events.conf"):
        text = (theirs / name).read_text().replace(str(theirs), str(folder))
        for url, port in zip([*stack.node_urls, stack.url], ports, strict=True):
            text = text.replace(f"127.0.0.1:{url.rpartition(':')[2]}", f"127.0.0.1:{port}")
        (folder / name).write_text(re.sub(r"weight=\d+", "weight=1", text))
    return folder / "nginx.conf"


def _free_ports(count: int) -> list[int]:
    with_sockets = [socket.socket() for _ in range(count)]
    for each in with_sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in with_sockets]
    for each in with_sockets:
        each.close()
    return ports


def _wait_until_it_answers(port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise StackFailed(f"nothing answers on port {port}")
