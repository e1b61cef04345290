"""Starts everything in order, watches over it, stops it in the opposite order."""

import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from worker.stack import nginx
from worker.stack.errors import StopRequested
from worker.stack.keeper import Keeper
from worker.stack.ports import LOOPBACK, http_status
from worker.stack.process import Child, Program, run_to_end, stop_together, wait_for_end, wait_until
from worker.stack.programs import Addresses, AppPrograms, Balancer
from worker.stack.progress import Progress
from worker.stack.services import Service, choose_database, choose_mail, choose_redis
from worker.stack.settings import Node, StackSettings
from worker.stack.signals import StopSignals
from worker.stack.state import StackState
from worker.stack.welcome import welcome

_ONE_SHOT_SECONDS = 300.0
_HEALTHY_SECONDS = 120.0  # a first start on a slow or busy machine
_HEALTH_POLL_SECONDS = 0.1
_WATCH_SECONDS = 0.25


class Stack:
    """run() returns when somebody asked it to stop; nothing it started is left then, however it ended."""

    def __init__(
        self, settings: StackSettings, state: StackState, progress: Progress, signals: StopSignals
    ) -> None:
        self._settings = settings
        self._state = state
        self._progress = progress
        self._signals = signals
        self._titles: dict[str, str] = {}
        self._is_demo = False
        self._is_up = False
        # Stopped in this order: first nobody comes in, then the work ends, then its ground goes.
        self._doors: list[Keeper] = []
        self._work: list[Keeper] = []
        self._ground: list[Keeper] = []
        self._passing: list[Child] = []  # end by themselves, unless we stop before

    def run(self) -> None:
        try:
            self._start()
            self._progress.say(
                welcome(self._settings, self._titles, self._progress.started_at, is_demo=self._is_demo)
            )
            self._watch()
        except StopRequested:
            self._progress.say("\nStopping")
            began = time.monotonic()
            self._stop()
            took = time.monotonic() - began
            self._progress.say(f"Stopped in {took:.1f} s; the data stays in {self._settings.var}")
        finally:
            self._stop()

    def _start(self) -> None:
        balancer = nginx.find_nginx()  # before anything is started: it is the one nothing can replace
        redis = self._serve("redis", lambda: choose_redis(self._settings))
        mail = self._serve("mail-sink", lambda: choose_mail(self._settings))
        database = self._serve("postgres", lambda: choose_database(self._settings, self._progress.say))
        self._addresses = Addresses(database.url, redis.url, mail.url, database.node_url)
        # Before the nodes: their balancer looks after what is written here.
        self._configuration = nginx.write_configuration(
            self._state.folder / "nginx",
            self._settings.http_port,
            self._settings.nodes,
            self._settings.events_port,
        )
        programs = AppPrograms(
            self._settings, self._addresses, Balancer(self._configuration.parent, str(balancer.path))
        )
        with self._progress.step("Database schema"):
            run_to_end(programs.migrate(), _ONE_SHOT_SECONDS, self._signals.pause)
        self._is_demo = programs.is_development
        self._start_application(programs)
        self._start_balancer(balancer)
        self._is_up = True
        self._write_state()

    def _serve(self, name: str, choose: Callable[[], Service]) -> Service:
        with self._progress.step(name) as step:
            service = choose()
            step.title = self._titles[name] = service.title
            if service.program and service.wait_ready:
                keeper = self._keep(self._ground, service.program)
                service.wait_ready(keeper.child, self._signals.pause)
        return service

    def _start_application(self, programs: AppPrograms) -> None:
        seeding = Child(programs.seed()) if self._is_demo else None
        self._passing += [seeding] if seeding else []
        nodes = [(node, self._keep(self._work, programs.node(node))) for node in self._settings.nodes]
        events = (Node("events", self._settings.events_port), self._keep(self._doors, programs.events()))
        if seeding:  # the nodes load meanwhile: a second core has time for it
            with self._progress.step("Demo data"):
                wait_for_end(seeding, _ONE_SHOT_SECONDS, self._signals.pause)
        for node, keeper in [*nodes, events]:
            with self._progress.step(f"{node.id} on port {node.port}"):
                self._wait_healthy(node.port, keeper)
        # Not before: on a small machine they would slow the nodes' start, and jobs can wait.
        for number in range(1, self._settings.rq_workers + 1):
            self._keep(self._work, programs.rq_worker(number))

    def _wait_healthy(self, port: int, keeper: Keeper) -> None:
        def is_healthy() -> bool:
            return http_status(port, "/health") == HTTPStatus.OK

        wait_until(is_healthy, keeper.child, _HEALTHY_SECONDS, self._signals.pause, _HEALTH_POLL_SECONDS)

    def _start_balancer(self, found: nginx.NginxProgram) -> None:
        settings = self._settings
        self._titles["nginx"] = found.title
        with self._progress.step(f"{found.title} on port {settings.http_port}"):
            program = nginx.program(found, self._configuration, settings.var / "log" / "nginx.log")
            keeper = self._keep(self._doors, program)
            self._wait_healthy(settings.http_port, keeper)

    def _keep(self, group: list[Keeper], program: Program) -> Keeper:
        keeper = Keeper(program, self._progress.note)
        group.append(keeper)
        self._write_state()
        return keeper

    def _watch(self) -> None:
        while True:
            self._signals.pause(_WATCH_SECONDS)
            restarted = [keeper.check() for keeper in self._all()]
            if any(restarted):
                self._write_state()

    def _write_state(self) -> None:
        pids = {keeper.program.name: keeper.child.pid for keeper in self._all()}
        self._state.write(self._facts(pids) if self._is_up else {}, pids)

    def _facts(self, pids: dict[str, int]) -> dict[str, Any]:
        settings = self._settings
        return {
            "base_url": f"http://{LOOPBACK}:{settings.http_port}",
            "nodes": [
                {"id": n.id, "url": f"http://{LOOPBACK}:{n.port}", "pid": pids[n.id]} for n in settings.nodes
            ],
            "events_url": f"http://{LOOPBACK}:{settings.events_port}",
            "database_url": self._addresses.database,
            "redis_url": self._addresses.redis,
            "smtp_url": self._addresses.smtp,
            "mail_folder": str(settings.var / "mail"),
            "var": str(settings.var),
        }

    def _stop(self) -> None:
        """Harmless twice."""
        for child in self._passing:
            child.kill()
        for group in (self._doors, self._work, self._ground):
            children = [keeper.child for keeper in group]
            stop_together(children, self._signals.rest, lambda: self._signals.is_urgent)

    def _all(self) -> list[Keeper]:
        return [*self._ground, *self._work, *self._doors]
