"""Histories a person can follow, with the judgement a person would give."""

import pytest

from loadtest.check import judge
from loadtest.history import Scribe, read_history
from loadtest.linearizability import shortest_unexplained
from loadtest.operations import operations_of
from loadtest.slot_model import Allowances
from tests.loadtest.histories import TTL, Storyteller

STRICT = Allowances(hold_seconds=TTL)


@pytest.fixture
def story():
    return Storyteller()


def broken_promises(story, allowances=STRICT):
    return [violation.promise for violation in judge(story.entries, allowances).violations]


def test_a_hold_its_confirmation_and_truthful_refusals_are_good(story):
    story.granted("hold", 0, 1, "b1", fence=1)
    story.refused("hold", 0.5, 1.5, reason="SLOT_HELD")
    story.granted("confirm", 2, 3, "b1")
    story.refused("book", 3.5, 4, reason="SLOT_TAKEN")

    verdict = judge(story.entries, STRICT)

    assert verdict.is_good
    assert (verdict.operations, verdict.slots) == (4, 1)


def test_a_claim_whose_node_crashed_may_have_happened(story):
    story.unanswered("hold", 0)
    story.refused("hold", 2, 3, reason="SLOT_HELD")

    assert broken_promises(story) == []


def test_a_claim_whose_node_crashed_may_not_have_happened(story):
    story.unanswered("hold", 0)
    story.granted("book", 2, 3, "b2")

    assert broken_promises(story) == []


def test_two_holds_at_once_are_found(story):
    story.granted("hold", 0, 1, "b1")
    story.granted("hold", 2, 3, "b2")

    assert broken_promises(story) == ["linearizable"]


def test_two_bookings_that_overlap_in_time_are_found(story):
    story.granted("book", 0, 2, "b1")
    story.granted("book", 1, 3, "b2")

    assert broken_promises(story) == ["linearizable"]


def test_a_claim_after_a_confirmation_is_found(story):
    story.granted("hold", 0, 1, "b1")
    story.granted("confirm", 2, 3, "b1")
    story.granted("hold", 20, 21, "b2")

    assert broken_promises(story) == ["linearizable"]


def test_a_hold_that_lapsed_may_be_taken_over(story):
    story.granted("hold", 0, 1, "b1", fence=1)
    story.granted("hold", 10.5, 11, "b2", fence=2)

    assert broken_promises(story) == []


def test_a_hold_may_not_be_taken_over_before_its_deadline(story):
    story.granted("hold", 0, 1, "b1")
    story.granted("hold", 9, 9.9, "b2")

    assert broken_promises(story) == ["linearizable"]


def test_a_confirmation_after_the_deadline_is_found(story):
    story.granted("hold", 0, 1, "b1")
    story.granted("confirm", 11.5, 12, "b1")

    assert broken_promises(story) == ["linearizable"]


def test_a_confirmation_after_a_takeover_is_found(story):
    story.granted("hold", 0, 1, "b1")
    story.granted("hold", 10.2, 10.4, "b2")
    story.granted("confirm", 10.6, 10.8, "b1")

    assert broken_promises(story) == ["linearizable"]


def test_an_extension_moves_the_deadline(story):
    story.granted("hold", 0, 1, "b1")
    story.granted("extend", 8, 8.5, "b1")
    story.granted("confirm", 17, 17.5, "b1")

    assert broken_promises(story) == []


def test_the_time_left_in_the_answer_counts_more_than_the_default(story):
    story.granted("hold", 0, 1, "b1", lives_seconds=3.0)
    story.granted("hold", 5, 6, "b2")

    assert broken_promises(story) == []


def test_a_leaked_hold_is_found(story):
    story.granted("hold", 0, 1, "b1")
    story.refused("hold", 11.5, 12, reason="SLOT_HELD")

    assert broken_promises(story) == ["linearizable"]


def test_a_refusal_of_a_free_slot_is_found(story):
    story.granted("book", 0, 1, "b1")
    story.granted("cancel", 2, 3, "b1")
    story.refused("book", 4, 5, reason="SLOT_TAKEN")

    assert broken_promises(story) == ["linearizable"]


def test_a_refusal_may_rest_on_knowledge_as_old_as_allowed(story):
    story.granted("book", 0, 1, "b1")
    story.granted("cancel", 2, 3, "b1")
    story.refused("book", 3.5, 5, reason="SLOT_TAKEN")

    allowances = Allowances(TTL, stale_refusal_seconds=1.0)

    assert broken_promises(story, allowances) == []
    assert broken_promises(story) == ["linearizable"]


def test_a_held_slot_called_taken_is_found(story):
    story.granted("hold", 0, 1, "b1")
    story.refused("hold", 2, 3, reason="SLOT_TAKEN")

    assert broken_promises(story) == ["linearizable"]


def test_a_lost_confirmed_booking_is_found_when_another_takes_its_slot(story):
    story.granted("book", 0, 1, "b1")
    story.granted("book", 5, 6, "b2")
    story.granted("read", 8, 9, "b2")

    assert broken_promises(story) == ["linearizable", "nothing acknowledged is lost"]


def test_a_lost_confirmed_booking_is_found_when_its_slot_is_free_again(story):
    story.granted("book", 0, 1, "b1")
    story.tell("read", 8, 9)

    assert broken_promises(story) == ["linearizable", "nothing acknowledged is lost"]


def test_two_owners_in_the_final_state_are_found(story):
    story.unanswered("book", 0)
    story.unanswered("book", 0)
    story.granted("read", 8, 9, "b1")
    story.granted("read", 8, 9, "b2")

    assert broken_promises(story) == ["linearizable"]


def test_a_confirmation_refused_before_the_deadline_is_found(story):
    story.granted("hold", 0, 1, "b1")
    story.refused("confirm", 2, 3, "b1", code="HOLD_EXPIRED")

    assert broken_promises(story) == ["linearizable"]


def test_a_reschedule_frees_one_slot_and_takes_the_other(story):
    story.granted("book", 0, 1, "b1", slot="1", fence=1)
    story.granted("reschedule", 2, 3, "b1", slot="2", from_slot="1", fence=1)
    story.granted("book", 4, 5, "b2", slot="1", fence=2)
    story.refused("book", 4, 5, slot="2", reason="SLOT_TAKEN")

    assert broken_promises(story) == []


def test_a_reschedule_onto_a_taken_slot_is_found(story):
    story.granted("book", 0, 1, "b1", slot="1")
    story.granted("book", 0, 1, "b2", slot="2")
    story.granted("reschedule", 2, 3, "b1", slot="2", from_slot="1")

    assert broken_promises(story) == ["linearizable"]


def test_repeats_of_one_key_are_one_operation(story):
    story.unanswered("book", 0, key="k1")
    story.granted("book", 1, 2, "b1", key="k1")
    story.granted("book", 3, 4, "b1", key="k1", replayed=True)

    verdict = judge(story.entries, STRICT)

    assert verdict.is_good
    assert (verdict.operations, verdict.keys) == (1, 1)


def test_one_key_with_two_bookings_is_found(story):
    story.granted("book", 0, 1, "b1", key="k1", slot="1")
    story.granted("book", 0, 1, "b2", key="k1", slot="2")

    assert "one result per key" in broken_promises(story)


def test_one_key_done_twice_is_found(story):
    story.granted("book", 0, 1, "b1", key="k1")
    story.granted("book", 0, 1, "b1", key="k1")

    assert broken_promises(story) == ["one result per key"]


def test_a_fence_that_goes_back_is_found(story):
    story.granted("hold", 0, 1, "b1", fence=7)
    story.granted("release", 2, 3, "b1")
    story.granted("hold", 4, 5, "b2", fence=6)

    assert broken_promises(story) == ["fences rise"]


def test_a_fence_given_twice_is_found(story):
    story.granted("hold", 0, 1, "b1", fence=7)
    story.granted("release", 2, 3, "b1")
    story.granted("hold", 4, 5, "b2", fence=7)

    assert broken_promises(story) == ["fences rise"]


def test_answers_that_do_not_speak_of_the_slot_count_for_nothing(story):
    story.refused("book", 0, 1, code="RATE_LIMITED")
    story.refused("confirm", 2, 3, "b1", code="NOT_FOUND")

    assert judge(story.entries, STRICT).operations == 0


def test_a_broken_history_is_shown_without_what_does_not_matter(story):
    story.granted("book", 0, 1, "b1")
    for moment in range(2, 40):
        story.refused("book", moment, moment + 0.5, reason="SLOT_TAKEN")
    story.granted("book", 50, 51, "b2")
    story.granted("cancel", 60, 61, "b2")

    short = shortest_unexplained(operations_of(story.entries), STRICT)

    assert [op.booking for op in short] == ["b1", "b2"]


def test_hundreds_of_contenders_on_one_slot_are_judged(story):
    story.granted("hold", 0, 5, "b1", fence=1)
    for _ in range(500):
        story.refused("hold", 0, 5, reason="SLOT_HELD")
    for client in range(5):
        story.unanswered("hold", 0, key=f"lost-{client}")

    assert broken_promises(story) == []


def test_a_history_reads_back_as_it_was_written(tmp_path, story):
    story.granted("hold", 0.0, 1.0, "b1", fence=0, alternatives=("4", "5"))
    story.unanswered("confirm", 2.0, "b1")

    with Scribe(tmp_path / "deep" / "history.jsonl") as scribe:
        for entry in story.entries:
            scribe.write(entry)

    assert read_history(tmp_path / "deep" / "history.jsonl") == story.entries
