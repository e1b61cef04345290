"""One node: gunicorn with any number of workers and exactly one coordinator beside it.

Both live in this process's group, so that a whole node can be stopped, frozen or killed as one. When the
server ends the node ends; when only the coordinator ends it is started again. The coordinator comes second: a
node need not be announced before it can serve, and on a small machine the two would slow each other's start.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from worker.stack.errors import ProcessFailedError, StopRequested
from worker.stack.keeper import Keeper
from worker.stack.ports import http_status, pick_free_port
from worker.stack.process import Child, Program, describe_exit, stop_together
from worker.stack.signals import StopSignals

_ROOT = Path(__file__).resolve().parents[1]
_POLL_SECONDS = 0.5
_PATIENCE_SECONDS = 15.0


def port_of(environ: Mapping[str, str]) -> int:
    """Where this node listens; gunicorn.conf.py asks here too."""
    return int(environ.get("PORT") or environ.get("NODE_PORT") or 5001)


def main() -> int:
    stop = StopSignals()
    children: list[Child] = []
    # Chosen here, so that gunicorn's workers know where their coordinator answers, and it stays when the
    # coordinator is started again.
    os.environ["RPC_PORT"] = os.environ.get("RPC_PORT") or str(pick_free_port())
    try:
        server = Child(_program("gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"))
        children.append(server)
        _wait_until_it_serves(server, stop)
        coordinator = Keeper(_program("worker.coordinator"), _say)
        children.append(coordinator.child)
        while server.is_alive:
            stop.pause(_POLL_SECONDS)
            if coordinator.check():
                children[1] = coordinator.child
        _say(f"gunicorn {describe_exit(server.exit_code)}, so the node ends")
        return 1
    except ProcessFailedError as problem:
        _say(str(problem))
        return 1
    except StopRequested:
        return 0
    finally:
        stop_together(children, stop.rest, lambda: stop.is_urgent)


def _wait_until_it_serves(server: Child, stop: StopSignals) -> None:
    """Any answer will do: a node whose database is away still has a coordinator."""
    port = port_of(os.environ)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while server.is_alive and http_status(port, "/health") is None and time.monotonic() < deadline:
        stop.pause(_POLL_SECONDS)


def _program(module: str, *arguments: str) -> Program:
    return Program(
        module,
        (sys.executable, "-m", module, *arguments),
        log=None,
        cwd=_ROOT,
        env=dict(os.environ),
        # A node that is killed is gone at once and as a whole: nothing of it says good-bye.
        orphan_signal=signal.SIGKILL,
        stop_seconds=25.0,  # a platform kills after 30
        owns_group=False,
    )


def _say(line: str) -> None:
    print(f"node: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
