"""Which tests run in one process: those of a file whose servers are costly to start.

The xdist_group marks of pytest-xdist 3.8 do nothing under pytest 9.2, which keeps a test's id elsewhere."""

from __future__ import annotations

from xdist.scheduler.loadscope import LoadScopeScheduling

ONE_STACK_EACH = ("tests/system/test_stack.py", "tests/browser/test_monitor.py")


class Scheduling(LoadScopeScheduling):
    """Every test alone, and first those files as a whole."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file in ONE_STACK_EACH else nodeid
