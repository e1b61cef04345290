"""What goes into a core's step(event, now), and what comes out.

A core never acts: it answers every event with effects, and whoever drives it performs them in order. The
idea is "sans I/O" (sans-io.readthedocs.io); etcd's raft has the same shape. `now` is the node's own steady
clock in seconds (one that also counts while the machine is suspended), never the time of day."""

from dataclasses import dataclass
from typing import Generic, TypeVar

Message = TypeVar("Message", covariant=True)


# Events


@dataclass(frozen=True, slots=True)
class Started:
    """The first event of every core."""


@dataclass(frozen=True, slots=True)
class Received(Generic[Message]):
    sender: str
    message: Message


@dataclass(frozen=True, slots=True)
class SendFailed(Generic[Message]):
    """The receiver certainly did not act on it: refused, unknown host. A timeout is not a failure."""

    to: str
    message: Message


@dataclass(frozen=True, slots=True)
class TimerFired:
    name: str


# Effects


@dataclass(frozen=True, slots=True)
class Send(Generic[Message]):
    to: str
    message: Message


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Fire once after the delay. A timer of the same name that still runs is replaced."""

    name: str
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    name: str


@dataclass(frozen=True, slots=True)
class Log:
    """For the monitor: what happened (a dotted name for machines) and a sentence for people."""

    event: str
    text: str
    epoch: int = 0
