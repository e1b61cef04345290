"""What travels between the database and its copies: changes of rows, numbered per stream. Values only."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.algorithms.digests import fingerprint
from app.algorithms.logical_clocks import VersionVector

Scalar = str | int | float | bool | None


class PrivateFieldError(ValueError):
    """A change carries a field that must not travel between nodes."""


class Applied(StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    GAP = "gap"  # a change before it is missing: fetch a snapshot, or a delta from a peer


@dataclass(frozen=True, slots=True)
class Change:
    """The state of one row after the seq-th change of its stream; `fields` is None when the row is gone."""

    stream: str
    seq: int
    key: str
    version: int
    fields: Mapping[str, Scalar] | None
    at: float  # commit time, by the database's clock

    @property
    def print(self) -> int:
        """Equal for equal rows. How it came to a node (seq, at) does not count."""
        return fingerprint(self.stream, self.key, self.version, *sorted((self.fields or {}).items()))


@dataclass(frozen=True, slots=True)
class Entry:
    """The seq-th change of a stream: what became of every row that it touched, which may be none."""

    stream: str
    seq: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class ReplicaDelta:
    """For a node that knows `after`: rows changed since, up to `upto`; every row of the `whole` streams."""

    after: VersionVector
    upto: VersionVector
    changes: tuple[Change, ...]
    whole: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Barrier:
    """A stream whose changes are published, and applied, after everything that was committed before them: who
    knows one knows all of that.

    Its row also says from when on rows are of interest: those whose `field` is before its `bound` are
    forgotten. The bound travels as data, so that every copy forgets the same rows at the same point."""

    stream: str
    field: str
    bound: str

    def bound_in(self, row: Change) -> Scalar:
        return None if row.fields is None else row.fields.get(self.bound)


def by_stream(changes: Iterable[Change]) -> dict[str, list[Change]]:
    sorted_out: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        sorted_out[change.stream].append(change)
    return sorted_out
