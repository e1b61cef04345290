"""Fingerprints of a node's content that two nodes can compare in a few numbers.

A Merkle tree of two levels (R. Merkle, 1987; Cassandra's and Riak's anti-entropy use deeper ones): 256
buckets in 16 groups. A node of the tree is the XOR of its items' hashes: one change costs two operations."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b

GROUPS = 16
BUCKETS_PER_GROUP = 16


def fingerprint(*parts: object) -> int:
    """64 bits that are equal on every node and in every process, unlike hash()."""
    text = "\x1f".join(map(repr, parts))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


class BucketDigests:
    """Which items are here, without the items."""

    def __init__(self) -> None:
        self._groups = [0] * GROUPS
        self._buckets = [0] * (GROUPS * BUCKETS_PER_GROUP)

    def toggle(self, key: str, print_of_item: int) -> None:
        """Put an item in, or take the same item out; with the XOR of two, one instead of the other."""
        bucket = fingerprint(key) % len(self._buckets)
        self._buckets[bucket] ^= print_of_item
        self._groups[bucket // BUCKETS_PER_GROUP] ^= print_of_item

    @property
    def groups(self) -> tuple[int, ...]:
        return tuple(self._groups)

    def below(self, groups_of_other: tuple[int, ...]) -> dict[int, int]:
        """The second level, only below the groups that differ."""
        return {
            bucket: self._buckets[bucket]
            for group, other in enumerate(groups_of_other)
            if other != self._groups[group]
            for bucket in range(group * BUCKETS_PER_GROUP, (group + 1) * BUCKETS_PER_GROUP)
        }

    def at(self, buckets: Iterable[int]) -> dict[int, int]:
        return {bucket: self._buckets[bucket] for bucket in buckets}

    def differing(self, buckets_of_other: Mapping[int, int]) -> frozenset[int]:
        mine = self.at(buckets_of_other)
        return frozenset(bucket for bucket, digest in buckets_of_other.items() if digest != mine[bucket])
