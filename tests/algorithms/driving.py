"""A table-top cluster for bully and ring alone: messages in order, timers only when nothing else moves."""

from collections import deque
from itertools import chain, combinations
from random import Random

from app.algorithms.bully import Bully
from app.algorithms.election import Begin, View, Won
from app.algorithms.election_messages import Condition, Member, TokenReceipt
from app.algorithms.ring import Ring
from app.algorithms.steps import Received, Send, StartTimer, StopTimer, TimerFired

ALGORITHMS = [Bully, Ring]


def subsets(names):
    return chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))


class Table:
    """`silent` nodes never answer though everyone believes them alive; `unfit` ones may not lead."""

    def __init__(self, algorithm, size, silent=(), unfit=(), weights=None):
        self.members = {
            f"node-{number}": Member(f"node-{number}", (weights or {}).get(f"node-{number}", 1))
            for number in range(1, size + 1)
        }
        self.silent, self.unfit = set(silent), set(unfit)
        self.cores = {name: algorithm(1, Random(name)) for name in self.members if name not in self.silent}
        self.winners, self.messages, self.logs = [], [], []
        self._queue, self._timers = deque(), {}
        self.now = 0.0

    def view(self, name, has_leader=False):
        others = tuple(member for other, member in self.members.items() if other != name)
        condition = Condition(name not in self.unfit, "unfit" if name in self.unfit else "")
        return View(self.members[name], condition, others, has_leader, epoch=0)

    def feed(self, name, event, has_leader=False):
        for effect in self.cores[name].step(event, self.view(name, has_leader), self.now):
            match effect:
                case Send(to, message):
                    self.messages.append((name, to, message))
                    self._queue.append((name, to, message))
                case StartTimer(timer, delay):
                    self._timers[name, timer] = self.now + delay
                case StopTimer(timer):
                    self._timers.pop((name, timer), None)
                case Won():
                    self.winners.append(name)
                case _:
                    self.logs.append(effect)

    def begin(self, name, is_forced=False, is_audit=False):
        self.feed(name, Begin(is_forced, is_audit))
        return self

    def settle(self, until_winners=1):
        """Until somebody has won or nothing is left to happen."""
        while len(self.winners) < until_winners and (self._queue or self._timers):
            if self._queue:
                sender, to, message = self._queue.popleft()
                if to in self.cores:
                    self.feed(to, Received(sender, message))
            else:
                (name, timer), self.now = min(self._timers.items(), key=lambda item: item[1])
                del self._timers[name, timer]
                self.feed(name, TimerFired(timer))
        return self

    def deliver(self):
        """Only messages; no timer fires."""
        while self._queue:
            sender, to, message = self._queue.popleft()
            if to in self.cores:
                self.feed(to, Received(sender, message))
        return self

    def timers_of(self, name):
        return {timer: due for (owner, timer), due in self._timers.items() if owner == name}

    def counted_messages(self):
        """Receipts are the answers of the calls that carry the token, as in any request over HTTP."""
        return sum(not isinstance(message, TokenReceipt) for _, _, message in self.messages)
