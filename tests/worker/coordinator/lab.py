"""Several coordinators in one thread and one invented time: the real duties, the calls carried by hand.

Only the ends are replaced: the network, Redis's heartbeats, the lease's server and the database's rows.
What runs between them is what runs in production."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from pydantic_core import to_jsonable_python

from app.algorithms.election import LeaseGranted, LeaseRead, LeaseRefused, LeaseView
from app.algorithms.failure_detector import RowSeen
from app.algorithms.lease import EpochLedger, LeaseHome
from app.algorithms.time_sync import Exchange
from app.clock import ManualClock
from app.config import Config
from app.coordination import membership
from app.coordination.heartbeats import Beat
from app.coordination.leadership import LEASE_SECONDS, Deposed, Term
from app.coordination.rpc.errors import CallFailed, CallRefused, NoAnswer, Unreachable
from app.coordination.rpc.messages import Caller
from app.coordination.rpc.methods import Methods
from app.coordination.rpc.peers import AddressBook, CallStatistics, Peer, PeerClocks
from app.coordination.stamps import Stamper
from app.errors import Unavailable
from worker.coordinator.chronicle import Chronicle
from worker.coordinator.clocks import Clocks
from worker.coordinator.election import Election
from worker.coordinator.frame import Coordinator, Duty, Frame
from worker.coordinator.leader_work import LeaderWork
from worker.coordinator.load import Load
from worker.coordinator.loop import Loop, outcome_of
from worker.coordinator.membership import Known, Membership
from worker.coordinator.operator import Operator
from worker.coordinator.timekeeper import Timekeeper

START = datetime(2030, 1, 7, 9, tzinfo=UTC)
STEP_SECONDS = 0.05


class LabLoop(Loop):
    """Everything happens in one thread here, so nobody waits for it."""

    def ask(self, action, _seconds):
        return action()


class InlineBackground:
    """Does the work at once; its outcome still comes back through the loop."""

    waiting = 0

    def __init__(self, loop: Loop, name: str) -> None:
        self._loop, self._name = loop, name

    def submit(self, work, then=None, otherwise=None) -> None:
        outcome = outcome_of(self._name, work, then, otherwise)
        if outcome is not None:
            self._loop.post(outcome)


class Store:
    """The lease's server and the rows, by the lab's clock; may be away."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.ledger = EpochLedger()
        self.held: tuple[str, int, float] | None = None
        self.algorithms: dict[int, str] = {}
        self.writes: list[tuple[str, int, bool]] = []
        self.rows: dict[str, Any] = {}
        self.beaten_at: dict[str, float] = {}
        self.settings: dict[str, str] = {}
        self.drained: set[str] = set()
        self.is_away = False
        self.offset = timedelta()

    def answer(self) -> None:
        if self.is_away:
            raise Unavailable("the lab took it away")

    def write(self, term: Term) -> None:
        """A leader's transaction: refused unless its epoch is the current one."""
        self.answer()
        is_accepted = self.ledger.accepts(term.epoch)
        self.writes.append((term.node, term.epoch, is_accepted))
        if not is_accepted:
            raise Deposed(f"epoch {term.epoch} of {term.node} has ended")

    def lease(self) -> LeaseView | None:
        if self.held is None or self.held[2] <= self.clock.elapsed():
            return None
        node, epoch, until = self.held
        return LeaseView(node, epoch, until - self.clock.elapsed())


class LabLeadership:
    """Leadership's rules over the Store."""

    def __init__(self, store: Store, node: str) -> None:
        self._store, self._node = store, node

    def read(self) -> LeaseRead:
        self._store.answer()
        return LeaseRead(self._store.lease(), self._store.ledger.epoch)

    def campaign(self, request: int, algorithm: str, home: LeaseHome) -> LeaseGranted | LeaseRefused:
        store, lease = self._store, self.read().lease
        if home is LeaseHome.NOWHERE or (lease is not None and lease.node != self._node):
            return LeaseRefused(request, lease, store.ledger.epoch)
        epoch = store.ledger.epoch + 1
        assert store.ledger.open_term(epoch, self._node)
        store.algorithms[epoch] = algorithm
        store.held = (self._node, epoch, store.clock.elapsed() + LEASE_SECONDS)
        return LeaseGranted(request, epoch)

    def renew(self, request: int, epoch: int, home: LeaseHome) -> LeaseGranted | LeaseRefused | None:
        store = self._store
        store.answer()
        if home is LeaseHome.NOWHERE:
            return None
        if store.held is None or store.held[:2] != (self._node, epoch):
            return LeaseRefused(request, store.lease(), store.ledger.epoch)
        store.held = (self._node, epoch, store.clock.elapsed() + LEASE_SECONDS)
        return LeaseGranted(request, epoch)

    def release(self, epoch: int, reason: str) -> None:
        store = self._store
        store.answer()
        if store.ledger.epoch > epoch:
            raise Deposed(f"epoch {epoch} has been replaced")
        if store.held is not None and store.held[:2] == (self._node, epoch):
            store.held = None


class LabMembership(Membership):
    """Reads the Store's rows instead of SQL's."""

    def __init__(self, frame: Frame, heartbeats: LabHeartbeats, store: Store) -> None:
        self._store = store
        super().__init__(frame, heartbeats)

    def _look_at_sql(self, card) -> None:
        store = self._store
        stamp = self._frame.stamper.peek()

        def look() -> Known:
            store.answer()
            store.rows[card.node] = (card, stamp)
            store.beaten_at[card.node] = store.clock.elapsed()
            peers = {node: (row.peer, row.incarnation) for node, (row, _) in store.rows.items()}
            left = frozenset(node for node, (row, _) in store.rows.items() if row.status == membership.LEFT)
            seen = tuple(
                RowSeen(node, peers[node][1], store.clock.elapsed() - at)
                for node, at in store.beaten_at.items()
                if node not in left
            )
            wishes = membership.Wishes(card.node in store.drained)
            return Known(wishes, peers, left, dict(store.settings), seen)

        self._sql.submit(look, self._take_known)

    def end(self) -> None:
        super().end()
        card, stamp = self._store.rows[self._frame.node]
        self._store.rows[self._frame.node] = (replace(card, status=membership.LEFT), stamp)


class LabClocks(Clocks):
    """The database's and Redis's clocks are the lab's, plus what the test adds."""

    def __init__(self, lab: Lab, frame: Frame, members: Membership, election: Election) -> None:
        self._lab = lab
        super().__init__(frame, members, election)

    def _read_database(self):
        self._lab.store.answer()
        return self._read(lambda: (self._lab.clock.now() + self._lab.store.offset).timestamp())

    def _read_redis(self):
        return self._read(lambda: self._lab.clock.now().timestamp()) if self._lab.redis_is_up else None


class LabHeartbeats:
    """Redis's heartbeats by its own clock."""

    def __init__(self, lab: Lab, node: str) -> None:
        self._lab, self._node = lab, node

    def exchange(self, card, number):
        lab = self._lab
        if not lab.redis_is_up or self._node in lab.cut_from_redis:
            return None
        now = lab.clock.elapsed()
        lab.beats[card.node] = (card, number, now)
        return [Beat(c, n, now - at) for c, n, at in lab.beats.values() if now - at < 5]

    def leave(self, node: str) -> None:
        self._lab.beats.pop(node, None)


class LabClient:
    """Carries calls at once, as JSON, unless the lab has cut or ended the receiver."""

    def __init__(self, lab: Lab, node: str, clock: ManualClock, stamper: Stamper) -> None:
        self.book, self.statistics, self.clocks = AddressBook(), CallStatistics(), PeerClocks()
        self.is_sending = False
        self._lab, self._node, self._clock, self._stamper = lab, node, clock, stamper

    def call(self, node: str, method: str, payload: Any = None, seconds: float = 1.0, **_: Any) -> Any:
        target = self._lab.nodes.get(node)
        if target is None or not target.is_up:
            raise Unreachable(node)
        if target.is_frozen or {(self._node, node), (node, self._node)} & self._lab.cuts:
            raise NoAnswer(node)
        self._lab.counts[method] += 1
        asked = self._clock.now().timestamp()
        target.stamper.receive(self._stamper.tick())
        caller = Caller(self._node, str(sum(self._lab.counts.values())), target.clock.elapsed() + seconds)
        read = json.loads(json.dumps(to_jsonable_python(payload)))
        result = target.methods.run(method, read, caller, seconds)
        shown = target.clock.now().timestamp()
        self.clocks.learn(
            node, Exchange(asked, shown, shown, self._clock.now().timestamp()), self._clock.elapsed()
        )
        self._stamper.receive(target.stamper.tick())
        return json.loads(json.dumps(to_jsonable_python(result)))

    def call_all(self, nodes, method: str, payload: Any = None, seconds: float = 1.0) -> dict[str, Any]:
        found = {}
        for node in nodes:
            try:
                found[node] = self.call(node, method, payload, seconds)
            except CallFailed:
                continue
        return found

    def tell(self, node, method, payload=None, seconds=1.0, *, on_unreachable=None) -> None:
        def send() -> None:
            try:
                self.call(node, method, payload, seconds)
            except (Unreachable, CallRefused):
                if on_unreachable:
                    on_unreachable()
            except CallFailed:
                return

        self._lab.in_flight.append(send)


class LabClock:
    """The lab's time with an error of its own for the time of day; stands still for no one."""

    def __init__(self, lab_clock: ManualClock) -> None:
        self._clock = lab_clock
        self.skew = timedelta()

    def now(self) -> datetime:
        return self._clock.now() + self.skew

    def elapsed(self) -> float:
        return self._clock.elapsed()


class Node:
    """One coordinator of the lab."""

    def __init__(self, lab: Lab, name: str, incarnation: int, **settings: str) -> None:
        self.lab, self.name = lab, name
        self.is_up, self.is_frozen = True, False
        environment = {"APP_ENV": "test", "NODE_ID": name, "RPC_PORT": "1", **settings}
        config = Config.from_env(environment)
        self.clock = LabClock(lab.clock)
        self.stamper = Stamper(SimpleNamespace(), name, "", self.clock)
        self.loop = LabLoop(self.clock)
        self.methods = Methods(self.loop.ask)
        client = LabClient(lab, name, self.clock, self.stamper)
        for other in lab.names:
            client.book.note(Peer(other, f"http://{other}"))
        self.chronicle = Chronicle(name, self.clock, self.stamper)
        self.frame = Frame(
            config=config,
            incarnation=incarnation,
            clock=self.clock,
            database=None,
            redis=None,
            breaker=None,
            stamper=self.stamper,
            loop=self.loop,
            methods=self.methods,
            client=client,
            chronicle=self.chronicle,
            background=lambda work: InlineBackground(self.loop, work),
        )
        self.members = LabMembership(self.frame, LabHeartbeats(lab, name), lab.store)
        self.election = Election(self.frame, self.members, LabLeadership(lab.store, name))
        self.clocks = LabClocks(lab, self.frame, self.members, self.election)
        self.work = LeaderWork(self.frame, self.election, "sweep", 0.5, self.sweep, self.clocks.distrust)
        timekeeper = Timekeeper(self.frame, self.members, self.election, self.clocks)
        duties = [
            self.members, self.election, self.clocks, timekeeper, Load(self.frame, self.members),
            Operator(self.frame, self.election), self.work,
        ]  # fmt: skip
        duties += lab.more_duties(self)
        self.on_sweep: Callable[[], None] = lambda: None
        self.coordinator = Coordinator(self.frame, duties)
        self.loop.post(self.coordinator.start)

    def sweep(self, term: Term) -> None:
        self.on_sweep()
        self.lab.store.write(term)

    def leads(self) -> bool:
        return self.election.term(self.clock.elapsed()) is not None

    def document(self, duty: str) -> dict[str, Any]:
        return to_jsonable_python(self.coordinator.state()[duty])

    def status_of(self, other: str) -> str | None:
        return {node["id"]: node["status"] for node in self.document("membership")["nodes"]}.get(other)

    def log(self, *names: str) -> list[dict[str, Any]]:
        return [entry for entry in self.chronicle.recent() if entry["name"] in names]


class Lab:
    """So many nodes; advance() lets time pass for all of them together."""

    def __init__(
        self, count: int = 3, more_duties: Callable[[Node], list[Duty]] = lambda node: [], **settings: str
    ) -> None:
        self.more_duties = more_duties
        self.clock = ManualClock(START)
        self.store = Store(self.clock)
        self.redis_is_up = True
        self.cut_from_redis: set[str] = set()
        self.cuts: set[tuple[str, str]] = set()
        self.beats: dict[str, tuple[Any, int, float]] = {}
        self.in_flight: list[Callable[[], None]] = []
        self.counts: Counter[str] = Counter()
        self.names = [f"node-{number}" for number in range(1, count + 1)]
        self.settings = settings
        self.lives = 0
        self.nodes: dict[str, Node] = {}
        for name in self.names:
            self.start(name)

    def start(self, name: str, **settings: str) -> Node:
        self.lives += 1
        self.nodes[name] = Node(self, name, self.lives * 1000, **{**self.settings, **settings})
        return self.nodes[name]

    def advance(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_SECONDS)):
            self.clock.advance(STEP_SECONDS)
            self.settle()

    def settle(self) -> None:
        for _ in range(200):
            is_busy = False
            for node in list(self.nodes.values()):
                while node.is_up and not node.is_frozen and node.loop.turn():
                    is_busy = True
            sending, self.in_flight = self.in_flight, []
            for send in sending:
                send()
            if not is_busy and not sending:
                return
        raise AssertionError("the nodes never come to rest")

    def until(self, is_so: Callable[[], Any], seconds: float = 20.0) -> float:
        """How long it took; fails when it does not become so."""
        began = self.clock.elapsed()
        while not is_so():
            assert self.clock.elapsed() - began < seconds, f"it did not become so within {seconds} s"
            self.advance(STEP_SECONDS)
        return self.clock.elapsed() - began

    def leader(self) -> Node | None:
        leading = [node for node in self.nodes.values() if node.is_up and not node.is_frozen and node.leads()]
        assert len(leading) <= 1, f"{[node.name for node in leading]} lead at once"
        return leading[0] if leading else None

    def agreed_leader(self) -> Node | None:
        """The leader, if every running node follows it."""
        leader = self.leader()
        running = [node for node in self.nodes.values() if node.is_up and not node.is_frozen]
        is_agreed = leader and all(node.election.leader == leader.name for node in running)
        return leader if is_agreed else None

    def kill(self, name: str) -> None:
        self.nodes[name].is_up = False
        self.beats.pop(name, None)
