"""`python -m tests.fuzz --cases 10000`: Schemathesis on the running stack, as nobody and as each role.

Each role gets an account of its own with raised limits, so that what is fuzzed is the API and not its limits;
two thousand cases each for five callers make ten thousand."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys

from loadtest.target import NoTarget, add_target_flags, target_of
from tests.attack.field import Field

ROLES = ("nobody", "patient", "staff", "admin", "operator")
FACTOR = 10_000
#: These end the login or the account they are called with, or make the others wait for seconds.
LEFT_OUT = ("/api/auth/logout", "/api/auth/me/erase", "/api/events", "/api/cluster/events", "/api/concurrent",
            "/api/auth/password", "/api/cluster/drain", "/api/cluster/hand-over")  # fmt: skip
SUMMARY = re.compile(r"(\d[\d,]*) generated|Test cases:\s*\n?\s*(\d[\d,]*)")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--cases", type=int, default=10_000, help="of all roles together, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--roles", nargs="+", choices=ROLES, default=list(ROLES))
    options = parser.parse_args()
    try:
        field = Field(target_of(options))
    except NoTarget as trouble:
        print(trouble, file=sys.stderr)
        return 2
    operations = len(re.findall(r'"operationId"', field.ask("GET", "/openapi.json").text))
    each = max(1, options.cases // (len(options.roles) * max(1, operations)))
    failed = [role for role in options.roles if not _fuzz(field, role, each, options.seed)]
    print(f"{len(options.roles)} callers, {operations} operations, {each} examples each: "
          f"{'every answer as described' if not failed else 'FAILED as ' + ', '.join(failed)}")  # fmt: skip
    return 1 if failed else 0


def _fuzz(field: Field, role: str, examples: int, seed: int) -> bool:
    argv = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{field.target.base_url}/openapi.json", "--checks", "all",
        "--max-examples", str(examples), "--seed", str(seed), "--request-timeout", "20", "--phases",
        "examples,coverage,fuzzing,stateful", "--no-color",
    ]  # fmt: skip
    for path in LEFT_OUT:
        argv += ["--exclude-path", path]
    if role != "nobody":
        argv += ["--header", f"Authorization: {_account(field, role)}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    print(f"--- {role}: exit {done.returncode}\n" + "\n".join(lines[-25:]), flush=True)
    return done.returncode == 0


def _account(field: Field, role: str) -> str:
    headers, user = field.new_patient(f"Fuzz{role}")
    change = {"role": role, "limit_factor": FACTOR, "all_doctors": role == "staff"}
    field.ask("PATCH", f"/api/users/{user['id']}", change, field.as_role("admin"))
    return headers["Authorization"]


if __name__ == "__main__":
    sys.exit(main())
