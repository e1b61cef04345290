"""python -m worker.stack: everything Oneslot needs, on this machine, until Ctrl-C. Behind `make run`."""

import argparse
import os
import sys

from worker.stack.errors import StackError, StopRequested
from worker.stack.progress import Progress
from worker.stack.settings import merge_environment, read_settings, var_folder
from worker.stack.signals import StopSignals
from worker.stack.stack import Stack
from worker.stack.state import StackState


def main() -> int:
    signals = StopSignals()
    try:
        given = merge_environment({**os.environ, **_from_arguments()})
        with StackState(var_folder(given)) as state:
            state.end_leftovers()
            Stack(read_settings(given), state, Progress(), signals).run()
    except StopRequested:
        return 0
    except StackError as problem:
        print(f"Oneslot cannot run: {problem}", file=sys.stderr)
        return 1
    except OSError as problem:  # a full disk, a folder we may not write to
        print(f"Oneslot cannot run: {problem.strerror}: {problem.filename}", file=sys.stderr)
        return 1
    return 0


def _from_arguments() -> dict[str, str]:
    parser = argparse.ArgumentParser(prog="python -m worker.stack", description=__doc__)
    parser.add_argument("--db", choices=("postgres", "sqlite"), help="as DB=... in the environment")
    parser.add_argument("--nodes", help="as NODES=... in the environment")
    options = parser.parse_args()
    return {name: value for name, value in (("DB", options.db), ("NODES", options.nodes)) if value}


if __name__ == "__main__":
    sys.exit(main())
