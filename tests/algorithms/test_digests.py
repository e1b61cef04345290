"""Digests tell whether, and roughly where, two nodes differ."""

from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.digests import BucketDigests, fingerprint

items = st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=12)


def digests_of(content):
    digests = BucketDigests()
    for key, value in content.items():
        digests.toggle(key, fingerprint(key, value))
    return digests


@given(items, st.randoms())
def test_digests_depend_on_the_content_and_not_on_its_history(content, random):
    shuffled = list(content.items())
    random.shuffle(shuffled)
    digests = digests_of(dict(shuffled))
    digests.toggle("gone", fingerprint("gone", 1))
    digests.toggle("gone", fingerprint("gone", 1))

    assert digests.groups == digests_of(content).groups


@given(items, items)
def test_the_differing_buckets_are_exactly_those_of_the_differing_items(mine, theirs):
    one, other = digests_of(mine), digests_of(theirs)
    differing_keys = {
        key for key in mine.keys() | theirs.keys() if mine.get(key, "none") != theirs.get(key, "none")
    }

    found = one.differing(other.below(one.groups))

    assert found == {fingerprint(key) % 256 for key in differing_keys}
    assert other.at(found).keys() == found


def test_a_fingerprint_is_the_same_in_every_process():
    assert fingerprint("slot", 7, None) == 0x58EF5470119A7CAB
