"""Which copy may answer at which level; a table, so that every case is decided on purpose (K13)."""

from __future__ import annotations

import pytest

from app.coordination.replication.levels import LARGEST_AGE_SECONDS, Copy, Level, LocalCopy, choose

YOUNG, OLD = LARGEST_AGE_SECONDS, LARGEST_AGE_SECONDS + 0.001


@pytest.mark.parametrize(
    ("level", "age", "meets", "copy"),
    [
        (Level.STRONG, 0.0, True, Copy.PRIMARY),
        (Level.QUORUM, OLD, False, Copy.AFTER_QUORUM),
        (Level.CAUSAL, OLD, True, Copy.LOCAL),
        (Level.CAUSAL, 0.0, False, Copy.LOCAL_SOON),
        (Level.BOUNDED, YOUNG, False, Copy.LOCAL),
        (Level.BOUNDED, OLD, True, Copy.PRIMARY),
        (Level.EVENTUAL, OLD, False, Copy.LOCAL),
        *((level, None, True, Copy.PRIMARY) for level in Level),
    ],
)
def test_a_copy_answers_only_what_it_can_promise(
    level: Level, age: float | None, meets: bool, copy: Copy
) -> None:
    assert choose(level, LocalCopy(age, meets)) is copy
