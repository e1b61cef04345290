"""The file that tells nginx where the nodes are: replaced only by one that nginx itself has accepted."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

CONFIGURATION_FILE, UPSTREAM_FILE, PID_FILE = "nginx.conf", "upstream.conf", "nginx.pid"
_TEST_SECONDS = 5.0


class NotReloaded(Exception):
    """nginx goes on with what it had."""


class UpstreamFile:
    """In the folder of an nginx on this machine. One writer at a time is enough, two do no harm."""

    def __init__(self, folder: Path, program: str) -> None:
        self._folder = folder
        self._program = program

    def read(self) -> str:
        """What is in force; empty when there is none."""
        try:
            return (self._folder / UPSTREAM_FILE).read_text()
        except OSError:
            return ""

    def replace(self, text: str) -> None:
        """Have nginx test the new text, put it in place in one step, reload.

        Raises NotReloaded with what nginx said; the last good file stays then."""
        mark = f"next-{os.getpid()}"
        candidate = self._folder / f"{mark}-{UPSTREAM_FILE}"
        trial = self._folder / f"{mark}-{CONFIGURATION_FILE}"
        try:
            candidate.write_text(text)
            trial.write_text(self._configuration_with(candidate))
            self._test(trial)
            candidate.replace(self._folder / UPSTREAM_FILE)
        except OSError as trouble:
            raise NotReloaded(f"{trouble.strerror}: {trouble.filename}") from None
        finally:
            candidate.unlink(missing_ok=True)
            trial.unlink(missing_ok=True)
        self._reload()

    def _configuration_with(self, candidate: Path) -> str:
        whole = (self._folder / CONFIGURATION_FILE).read_text()
        included = str(self._folder / UPSTREAM_FILE)
        if included not in whole:
            raise NotReloaded(f"{CONFIGURATION_FILE} does not include {UPSTREAM_FILE}")
        return whole.replace(included, str(candidate))

    def _test(self, configuration: Path) -> None:
        command = [
            self._program,
            "-e",
            "stderr",
            "-p",
            str(self._folder),
            "-c",
            str(configuration),
            "-t",
            "-q",
        ]
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=_TEST_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise NotReloaded("nginx did not finish its test") from None
        if said.returncode != 0:
            lines = said.stderr.strip().splitlines() or [f"exit code {said.returncode}"]
            raise NotReloaded(lines[0])

    def _reload(self) -> None:
        """Raises NotReloaded when it does not run; it reads the file when it starts."""
        try:
            pid = int((self._folder / PID_FILE).read_text())
            # A pid that was left behind may be somebody else's by now.
            if "nginx" not in Path(f"/proc/{pid}/comm").read_text():
                raise ProcessLookupError
            os.kill(pid, signal.SIGHUP)
        except (OSError, ValueError):
            raise NotReloaded("nginx does not run") from None
