"""`python -m worker.coordinator`: the companion process of one node, until SIGTERM or SIGINT.

A process of its own, so that a busy web worker cannot starve the renewal of the lease."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from app.config import Config, ConfigError
from app.logs import configure_logs
from worker.coordinator.build import build


def main() -> None:
    try:
        config = Config.from_env(os.environ)
    except ConfigError as error:
        sys.exit(f"coordinator: {error}")
    configure_logs(config, "coordinator")
    coordinator, doors = build(config)

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        coordinator.stop()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    doors.open()
    coordinator.run()
    # Threads that still wait for a hung database or peer must not keep a node that has said good-bye.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
