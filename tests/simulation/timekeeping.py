"""Cristian, Berkeley and interval intersection over a bad network, with one clock that lies."""

from app.algorithms.time_sync import (
    ClockHealth,
    ClusterTime,
    Exchange,
    Interval,
    authority_is_suspect,
    berkeley,
    cristian,
    judge,
)
from tests.simulation.engine import Host, Nemesis, Network, World

DATABASE, LEADER = "database", "node-1"
CHAOS_ENDS, ALARM_DUE, ALL_ENDS = 15.0, 30.0, 90.0
ROUND_SECONDS, SAMPLES = 5.0, 3
DRIFT = 0.001  # what these clocks, slewing, can move apart during one exchange


class Timekeeper:
    def __init__(self, scenario, host):
        self.scenario, self.host, self.world = scenario, host, host.world

    def boot(self):
        self.cluster = ClusterTime()
        self.base = self.host.offset  # the display clock runs on the steady clock from here
        self.last_reading = float("-inf")
        self.to_database = None
        self.polled = {}
        self.host.soon(self.world.random.uniform(0, ROUND_SECONDS), self.round)

    def local(self):
        return self.host.steady() + self.base

    def display(self):
        reading = self.cluster.read(self.local())
        self.world.require(reading >= self.last_reading, "{} showed an earlier time", self.host.name)
        self.last_reading = reading
        return reading

    def round(self):
        self.display()
        self.measure(DATABASE, self.host.wall, self.scenario.hosts[DATABASE].wall, self.take_database)
        if self.host.name == LEADER:
            self.polled = {LEADER: Interval(0.0, 0.0)}
            self.witnessed = {LEADER: Interval(0.0, 0.0)}
            for name, other in self.scenario.nodes.items():
                if name != LEADER:
                    self.measure(
                        name,
                        self.display,
                        other.display,
                        lambda seen, at=name: self.polled.update({at: seen}),
                    )
                    self.measure(
                        name,
                        self.host.wall,
                        other.host.wall,
                        lambda seen, at=name: self.witnessed.update({at: seen}),
                    )
            self.host.soon(0.5, self.conclude)
        self.host.soon(ROUND_SECONDS, self.round)

    def measure(self, whom, mine, theirs, take):
        """Ask several times; judge when there was time for every answer."""
        samples, steps = {}, self.scenario.steps  # exchange -> the true offset while it was served
        for _ in range(SAMPLES):
            self.ask(whom, mine, theirs, samples)

        def judge_samples():
            measured = cristian(samples)
            self.world.counts["exchanges"] += len(samples)
            if measured is None:
                self.world.counts["rounds without a sample"] += 1
            elif self.scenario.steps == steps:
                truth = samples[min(samples, key=lambda exchange: exchange.round_trip)]
                is_inside = measured.low - DRIFT <= truth <= measured.high + DRIFT
                self.world.require(is_inside, "{} is off by {}, not {}", whom, truth, measured)
                take(measured)

        self.host.soon(0.4, judge_samples)

    def ask(self, whom, mine, theirs, samples):
        asked, network, name = mine(), self.scenario.network, self.host.name

        def answer(_sender, _message):
            served = theirs()
            network.send(whom, name, receive, (served, served - mine()))

        def receive(_sender, message):
            served, truth = message
            samples[Exchange(asked, served, served, mine())] = truth

        network.send(name, whom, answer, None)

    def take_database(self, measured):
        self.to_database = measured

    def conclude(self):
        """The leader's Berkeley round, and its verdict on the database's clock."""
        result = berkeley({name: seen.centre for name, seen in self.polled.items()})
        self.world.counts["berkeley rounds"] += 1
        self.world.counts["outliers dropped"] += len(result.outliers)
        for name, correction in result.corrections.items():
            if name == LEADER:
                self.correct(None, correction)
            else:
                self.scenario.network.send(LEADER, name, self.scenario.nodes[name].correct, correction)
        if self.to_database is not None and len(self.witnessed) == len(self.scenario.nodes):
            self.scenario.judge_authority(self.to_database, self.witnessed.values())

    def correct(self, _sender, correction):
        self.cluster.correct(correction, self.local())


class Timekeeping:
    def __init__(self, seed, trace=False):
        self.world = World(f"timekeeping/{seed}", trace)
        random = self.world.random
        self.steps = 0
        self.names = [f"node-{number}" for number in range(1, random.choice((3, 4)) + 1)]
        self.hosts = {name: Host(self.world, name) for name in (*self.names, DATABASE)}
        self.network = Network(self.world, self.hosts)
        for host in self.hosts.values():
            host.rate = 1 + random.uniform(-1, 1) * 1e-4
            host.offset = 1_000.0 + random.uniform(-0.08, 0.08)
        self.liar = random.choice((None, DATABASE, *self.names[1:]))
        self.nodes = {name: Timekeeper(self, self.hosts[name]) for name in self.names}
        for node in self.nodes.values():
            node.boot()
        victims = [self.hosts[name] for name in self.names]
        self.nemesis = Nemesis(
            self.world, self.network, victims, lambda name: self.nodes[name].boot(), [self.step]
        )

    def run(self):
        self.world.counts["seeds"] += 1
        self.nemesis.rage(until=CHAOS_ENDS, every=1.5)
        self.world.run(CHAOS_ENDS, self.check)
        self.nemesis.heal()
        if self.liar is not None:
            self.steps += 1
            self.hosts[self.liar].offset = 1_000.0 + self.world.random.choice((-2.0, 2.0))
        self.world.run(ALARM_DUE, self.check)
        self.require_alarms()
        self.world.run(ALL_ENDS, self.check)
        self.require_common_time()
        return self.world.counts

    def step(self):
        """The liar's clock jumps during the chaos."""
        if self.liar is not None:
            self.steps += 1
            self.world.counts["clock steps"] += 1
            self.hosts[self.liar].offset = 1_000.0 + self.world.random.choice((-2.0, 0.0, 2.0))

    def check(self):
        """Each measurement and each reading is checked where it is made."""

    def require_alarms(self):
        for name, node in self.nodes.items():
            health = judge(node.to_database)
            self.world.counts[f"clock {health}"] += 1
            is_wrong = self.liar in (name, DATABASE)
            expected = ClockHealth.CRITICAL if is_wrong else ClockHealth.GOOD
            self.world.require(health is expected, "{} judged its clock {}", name, health)

    def judge_authority(self, authority, witnesses):
        if self.world.now < ALARM_DUE:
            return
        is_suspect = authority_is_suspect(authority, witnesses)
        self.world.counts["database suspected"] += is_suspect
        self.world.require(is_suspect == (self.liar == DATABASE), "the database's clock was judged wrongly")

    def require_common_time(self):
        readings = {name: node.display() for name, node in self.nodes.items() if name != self.liar}
        spread = max(readings.values()) - min(readings.values())
        self.world.require(spread < 0.03, "display times differ by {}: {}", spread, readings)
