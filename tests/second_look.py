"""`pytest -p tests.second_look`: whether what failed may be asked again, alone.

A full machine makes a wait too long, and never a booking twice. So a run in which nothing failed but waits
that ended too late ends with code 75 (EX_TEMPFAIL of sysexits.h), and `make test` asks those tests once more
with nothing beside them. Whatever else failed, or more than a handful, has failed."""

from __future__ import annotations

import re
from typing import Any

import pytest

TOO_LATE = re.compile(
    r"did not happen within [\d.]+ s"  # ours: tests/servers.py and tests/moments.py
    r"|Timeout \d+ms exceeded|with timeout \d+ms"  # Playwright
    r"|Timeout \(>[\d.]+s\) from pytest-timeout"
    r"|\bTimeoutError\b|\bTimeoutExpired\b"
)
MOST = 10
EX_TEMPFAIL = 75


class SecondLook:
    def __init__(self) -> None:
        self.too_late: set[str] = set()
        self.has_failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._judge(report)

    def _judge(self, report: pytest.TestReport) -> None:
        if TOO_LATE.search(_reason(report)):
            self.too_late.add(report.nodeid)
        else:
            self.has_failed = True

    def may_be_asked_again(self) -> bool:
        return not self.has_failed and 0 < len(self.too_late) <= MOST

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED and self.may_be_asked_again():
            session.exitstatus = EX_TEMPFAIL

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.may_be_asked_again():
            terminalreporter.section("ran out of time among others, asked again alone")
            terminalreporter.write("".join(f"{each}\n" for each in sorted(self.too_late)))


def _reason(report: pytest.TestReport) -> str:
    """What was raised last, not the code around it, which may speak of waits as well."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker of xdist hands its reports on
        config.pluginmanager.register(SecondLook())
