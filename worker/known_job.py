"""Jobs as the worker accepts them: ours, by name, and nothing else that stands in Redis.

JSON instead of pickle is not enough: RQ imports whatever function a job names, so that whoever can
write to Redis could name os.system, as the job or as one of its callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from rq.exceptions import NoSuchJobError
from rq.job import Job

from worker.jobs import JOBS

log = structlog.get_logger()


class ForbiddenJob(Exception):
    """The job names a function that workers do not run."""


class KnownJob(Job):
    """A job that can only run what JOBS lists."""

    @property
    def func(self) -> Callable[..., Any]:
        """Raises ForbiddenJob; the job is then kept as failed, for people to see."""
        function = JOBS.get(str(self.func_name))
        if function is None or self.instance is not None:
            raise ForbiddenJob(f"{self.func_name!r} is no job of ours")
        return function

    def restore(self, raw_data: Any) -> Any:
        """Read the job; what cannot be read is treated as gone, so that it stops no worker."""
        try:
            restored = super().restore(raw_data)
        except NoSuchJobError:
            raise
        except Exception as error:
            log.exception("Job refused: it cannot be read", topic="jobs", job=self.id)
            raise NoSuchJobError(f"job {self.id} cannot be read") from error
        self._forget_side_effects()
        return restored

    def _forget_side_effects(self) -> None:
        """Callbacks are imported by name, webhooks call out: we set neither, so nobody else may."""
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []
