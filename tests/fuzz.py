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
from dataclasses import dataclass, field

from loadtest.target import STACK_FILE, NoTarget, add_target_flags, target_of
from tests.attack.field import Field

ROLES = ("nobody", "patient", "staff", "admin", "operator")
FACTOR = 10_000
#: These end the login or the account they are called with, or make the others wait for seconds.
LEFT_OUT = ("/api/auth/logout", "/api/auth/me/erase", "/api/events", "/api/cluster/events", "/api/concurrent",
            "/api/auth/password", "/api/cluster/drain", "/api/cluster/hand-over")  # fmt: skip
MOST_PASSES = 12
REPORTS = STACK_FILE.parent.parent / "fuzz"
#: With these Schemathesis makes about so many cases per operation and example, the coverage's included.
CASES_PER_EXAMPLE = 8
GENERATED = re.compile(r"([\d,]+) generated")
FOUND = re.compile(r"❌ (ST\d+) [^\n]*?: (\d+)$", re.MULTILINE)
#: What could not be tried at all, such as a connection that broke.
TROUBLE = re.compile(r"^  🚫 (\w[^\n]*?): (\d+)$", re.MULTILINE)
#: What Schemathesis calls a server error, an answer without a login, and a refusal of what the schema allows.
SERVER_ERRORS, IGNORED_AUTH, REFUSED = ("ST101", "ST102"), "ST401", "ST202"
#: Such a refusal, when it is our 422 and says why.
RULE = re.compile(r"^- ST202 .*?^\[422\].*?\"status\":422,\"detail\":\"[^\"]{5,}", re.MULTILINE | re.DOTALL)
TITLES = ("as", "cases", "server errors", "schema breaks", "ignored auth", "rules*", "took")
FOOTNOTE = """* Requests the schema allows and a rule refuses that no schema can say, each with 422 and its reason: one field
  against another, a cursor or an Idempotency-Key of another request, what only the database knows."""


@dataclass
class Outcome:
    """What one caller was answered."""

    role: str
    cases: int = 0
    found: Counter[str] = field(default_factory=Counter)
    rules: int = 0
    seconds: float = 0.0

    def add(self, report: str) -> None:
        generated = GENERATED.search(report)
        self.cases += int(generated.group(1).replace(",", "")) if generated else 0
        for pattern in (FOUND, TROUBLE):
            self.found.update({name: int(count) for name, count in pattern.findall(report)})
        self.rules += sum(bool(RULE.search(each)) for each in report.split("Test Case ID:"))

    @property
    def breaks(self) -> int:
        others = sum(self.found[code] for code in (*SERVER_ERRORS, IGNORED_AUTH))
        return self.found.total() - others - self.rules

    @property
    def is_clean(self) -> bool:
        return self.cases > 0 and self.found.total() == self.rules

    def row(self) -> str:
        errors = sum(self.found[code] for code in SERVER_ERRORS)
        counts = (self.role, f"{self.cases:,}", errors, self.breaks, self.found[IGNORED_AUTH], self.rules)
        return _line(*counts, f"{self.seconds:.0f} s") + ("  held" if self.is_clean else "  FAILED")


def _line(first: str, *others: object) -> str:
    return f"{first:<10}" + "".join(f"{each!s:>15}" for each in others)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    add_target_flags(parser)
    parser.add_argument("--cases", type=int, default=10_000, help="as each of them, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--roles", nargs="+", choices=ROLES, default=list(ROLES))
    options = parser.parse_args()
    try:
        playground = Field(target_of(options))
    except NoTarget as trouble:
        print(trouble, file=sys.stderr)
        return 2
    operations = len(re.findall(r'"operationId"', playground.ask("GET", "/openapi.json").text))
    print(f"{operations} operations\n{_line(*TITLES)}", flush=True)
    outcomes = []
    for role in options.roles:
        outcomes.append(_fuzz(playground, role, options.cases, operations, options.seed))
        print(outcomes[-1].row(), flush=True)
    print(f"{sum(outcome.cases for outcome in outcomes):,} cases; the reports are in {REPORTS}\n{FOOTNOTE}")
    return 0 if all(outcome.is_clean for outcome in outcomes) else 1


def _fuzz(playground: Field, role: str, cases: int, operations: int, seed: int) -> Outcome:
    """The first pass covers every constraint of the document; others, by further seeds, fill up."""
    outcome, began = Outcome(role), time.monotonic()
    header = () if role == "nobody" else ("--header", f"Authorization: {_account(playground, role)}")
    examples = max(1, cases // (operations * CASES_PER_EXAMPLE))
    for number in range(MOST_PASSES):
        phases = "examples,coverage,fuzzing,stateful" if number == 0 else "fuzzing,stateful"
        argv = [
            sys.executable, "-m", "schemathesis.cli", "run", f"{playground.target.base_url}/openapi.json",
            "--checks", "all", "--max-examples", str(examples), "--seed", str(seed + number),
            "--request-timeout", "20", "--phases", phases, "--no-color", *header,
            # Bodies with fields that exclude each other are hard to draw at random; drawing longer is no finding.
            "--suppress-health-check", "filter_too_much",
            *(word for path in LEFT_OUT for word in ("--exclude-path", path)),
        ]  # fmt: skip
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        _keep(f"{role}-{number}", done.stdout + done.stderr)
        outcome.add(done.stdout)
        if outcome.cases >= cases or not outcome.cases:
            break
    outcome.seconds = time.monotonic() - began
    return outcome


def _keep(name: str, report: str) -> None:
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / f"{name}.txt").write_text(report, encoding="utf-8")


def _account(playground: Field, role: str) -> str:
    headers, user = playground.new_patient(f"Fuzz{role}")
    change = {"role": role, "limit_factor": FACTOR, "all_doctors": role == "staff"}
    playground.ask("PATCH", f"/api/users/{user['id']}", change, playground.as_role("admin"))
    return headers["Authorization"]


if __name__ == "__main__":
    sys.exit(main())
