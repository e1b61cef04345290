"""`python -m worker.stack.inside MODULE [ARGUMENT...]`: run it with the settings of the running stack."""

from __future__ import annotations

import os
import runpy
import sys

from worker.stack.private_file import kept_secret
from worker.stack.settings import merge_environment, var_folder
from worker.stack.state import StackState


def main() -> None:
    given = merge_environment(os.environ)
    var = var_folder(given)
    state = StackState(var).read()
    os.environ.update(given)
    if state.get("database_url"):
        os.environ["DATABASE_URL"] = state["database_url"]
        os.environ.setdefault("SECRET_KEY", kept_secret(var / "secrets" / "secret_key"))
        os.environ.setdefault("DATA_KEY", kept_secret(var / "secrets" / "data_key"))
        os.environ.setdefault("AUDIT_FOLDER", str(var / "audit"))
    module = sys.argv[1]
    sys.argv[:] = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
