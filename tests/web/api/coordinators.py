"""A stand-in for the node's coordinator: answers signed calls on a real port and remembers what was
ordered."""

from app.clock import SystemClock
from app.config import DEVELOPMENT_SECRET
from app.coordination.load import LoadReport
from app.coordination.rpc.desk import Desk
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.http import HttpServer
from app.coordination.rpc.methods import Methods
from app.coordination.rpc.seal import Seal
from app.coordination.stamps import Stamper
from tests.coordination.wires import NoDatabase

NODE = "node-7"


class StandIn:
    def __init__(self) -> None:
        self.orders = []
        self.reports = []
        self.refusal = None
        self.nodes = [node(NODE), node("node-8")]
        self.election = {"algorithm": "bully", "leader": NODE, "epoch": 4, "log": []}
        self.clocks = {}
        clock = SystemClock()
        methods = Methods()
        methods.expose("state.read", None, lambda *_: self.state())
        methods.expose("load.report", LoadReport, lambda report, _caller: self.reports.append(report))
        answers = {
            "operator.trigger": {"election": "bully-node-7-1.1"},
            "operator.audit_ring": {"election": "ring-node-7-1.1"},
            "operator.hand_over": {"epoch": 4, "from": NODE, "to": "node-8"},
            "operator.nudge": None,
        }
        for name, answer in answers.items():
            methods.expose(name, dict | None, self._taker(name, answer))
        self.stamper = Stamper(NoDatabase(), NODE, "", clock)
        self.server = HttpServer(
            "127.0.0.1", 0, Desk(Seal(DEVELOPMENT_SECRET, NODE), methods, self.stamper, clock).answer
        )
        self.server.start()

    def state(self):
        membership = {"nodes": self.nodes}
        return {"node": NODE, "membership": membership, "election": self.election, "clocks": self.clocks}

    def _taker(self, name, answer):
        def take(order, _caller):
            if self.refusal:
                raise CallRefused(*self.refusal)
            self.orders.append((name, order))
            return answer

        return take

    def given(self, *names):
        return [order for name, order in self.orders if name in names]


def node(name, **more):
    return {
        "id": name,
        "address": f"http://127.0.0.1:50{name[-1]}0",
        "incarnation": 1,
        "status": "up",
        "last_heard_seconds": 0.5,
        "started_at": "2030-01-07T09:00:00.000Z",
        "weight": 1,
        "connections": 3,
        "load": 0.25,
        "clock": "good",
        "sees_redis": True,
        "sees_database": True,
    } | more
