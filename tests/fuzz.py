"""`python -m tests.fuzz --cases 10000`: Schemathesis on the running stack, as nobody and as each role.

Each role gets an account of its own with raised limits, so that what is fuzzed is the API and not its limits. The
whole report of each caller stays in the folder that is named at the end."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from loadtest.target import STACK_FILE, NoTarget, add_target_flags, target_of
from tests.attack.field import Field

ROLES = ("nobody", "patient", "staff", "admin", "operator")
FACTOR = 10_000
#: These end the login or the account they are called with, or make the others wait for seconds.
LEFT_OUT = ("/api/auth/logout", "/api/auth/me/erase", "/api/events", "/api/cluster/events", "/api/concurrent",
            "/api/auth/password", "/api/cluster/drain", "/api/cluster/hand-over")  # fmt: skip
REPORTS = STACK_FILE.parent.parent / "fuzz"
GENERATED = re.compile(r"([\d,]+) generated")
FOUND = re.compile(r"❌ (ST\d+) [^\n]*?: (\d+)$", re.MULTILINE)
#: What Schemathesis calls them.
SERVER_ERRORS, IGNORED_AUTH = ("ST101", "ST102"), "ST401"


@dataclass(frozen=True)
class Outcome:
    """What one caller was answered."""

    role: str
    cases: int
    found: Counter[str]
    is_clean: bool
    seconds: float

    def row(self) -> str:
        errors, open_doors = sum(self.found[code] for code in SERVER_ERRORS), self.found[IGNORED_AUTH]
        others = self.found.total() - errors - open_doors
        counts = f"{self.cases:>9,} {errors:>14} {others:>14} {open_doors:>13}"
        return f"{self.role:<10} {counts} {self.seconds:>8.0f} s  {'held' if self.is_clean else 'FAILED'}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--cases", type=int, default=10_000, help="as each of them, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--roles", nargs="+", choices=ROLES, default=list(ROLES))
    options = parser.parse_args()
    try:
        field = Field(target_of(options))
    except NoTarget as trouble:
        print(trouble, file=sys.stderr)
        return 2
    operations = len(re.findall(r'"operationId"', field.ask("GET", "/openapi.json").text))
    each = max(1, options.cases // max(1, operations - len(LEFT_OUT)))
    print(f"{operations} operations, {each} examples each\n{'as':<10} {'cases':>9} {'server errors':>14} "
          f"{'schema breaks':>14} {'ignored auth':>13} {'took':>10}", flush=True)  # fmt: skip
    outcomes = []
    for role in options.roles:
        outcomes.append(_fuzz(field, role, each, options.seed))
        print(outcomes[-1].row(), flush=True)
    print(f"{sum(outcome.cases for outcome in outcomes):,} cases; the reports are in {REPORTS}")
    return 0 if all(outcome.is_clean for outcome in outcomes) else 1


def _fuzz(field: Field, role: str, examples: int, seed: int) -> Outcome:
    argv = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{field.target.base_url}/openapi.json", "--checks", "all",
        "--max-examples", str(examples), "--seed", str(seed), "--request-timeout", "20", "--phases",
        "examples,coverage,fuzzing,stateful", "--no-color",
    ]  # fmt: skip
    for path in LEFT_OUT:
        argv += ["--exclude-path", path]
    if role != "nobody":
        argv += ["--header", f"Authorization: {_account(field, role)}"]
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    _keep(role, done.stdout + done.stderr)
    generated = GENERATED.search(done.stdout)
    cases = int(generated.group(1).replace(",", "")) if generated else 0
    found = Counter({code: int(count) for code, count in FOUND.findall(done.stdout)})
    return Outcome(role, cases, found, done.returncode == 0 and cases > 0, time.monotonic() - began)


def _keep(role: str, report: str) -> Path:
    REPORTS.mkdir(parents=True, exist_ok=True)
    file = REPORTS / f"{role}.txt"
    file.write_text(report, encoding="utf-8")
    return file


def _account(field: Field, role: str) -> str:
    headers, user = field.new_patient(f"Fuzz{role}")
    change = {"role": role, "limit_factor": FACTOR, "all_doctors": role == "staff"}
    field.ask("PATCH", f"/api/users/{user['id']}", change, field.as_role("admin"))
    return headers["Authorization"]


if __name__ == "__main__":
    sys.exit(main())
