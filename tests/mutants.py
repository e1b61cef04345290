"""`python -m tests.mutants [words of a name]`: without each guard in turn, a named test must fail.

A test that cannot fail proves nothing, and a guard nobody misses is not needed (after pretix, whose
tests prove that the race appears with locks off)."""

from __future__ import annotations

import sys

from tests.mutation import Edit, Mutant, run

STATEMENTS, CLAIMS = "app/booking/statements.py", "app/booking/claims.py"
INTERVALS = "app/booking/intervals.py"
LANE, LANE_TESTS = "app/web/booking_lane.py", "tests/web/test_booking_lane.py"
SCRIPTS = "app/coordination/scripts"
SEALING = "tests/test_sealing.py"
PIPELINES = "tests/test_pipelines.py"

NO_COMPARE_AND_SET = Edit(
    STATEMENTS,
    "return and_(Slot.starts_at > db_now(), or_(Slot.state == SlotState.OPEN, lapsed()))",
    "return Slot.starts_at > db_now()",
)
NO_UNIQUE_INDEX = Edit(
    "app/migrations/versions/0001_the_first_tables.py",
    '"one_live_booking_per_slot",\n        "booking_slots",\n        ["slot_id"],\n        unique=True,',
    '"one_live_booking_per_slot",\n        "booking_slots",\n        ["slot_id"],\n        unique=False,',
)

BATCHES = "app/booking/batch_statements.py"
GROUPS, SEAT_BATCHES = "app/booking/seat_statements.py", "tests/booking/test_seat_batches.py"
COUNTERS, COUNTING = "tests/booking/test_counters.py", "app/migrations/versions/0100_booking_counts.py"
#: A batch looks twice: when it locks a slot, and in the write itself.
NO_LOOK_IN_BATCHES = (
    Edit(BATCHES, "WHERE slots.state = 'OPEN' AND slots.starts_at", "WHERE slots.starts_at"),
    Edit(BATCHES, "       AND slots.state = 'OPEN' AND slots.starts_at", "       AND slots.starts_at"),
)

MUTANTS = (
    Mutant(
        "a claim does not look at the slot's state",
        "tests/booking/test_statements.py::test_a_booked_slot_cannot_be_taken[sqlite]",
        (NO_COMPARE_AND_SET,),
    ),
    Mutant(
        "neither the claim nor the unique index looks at the slot's state",
        "tests/booking/test_races.py"
        "::test_one_of_many_books_the_slot_and_all_others_hear_that_it_is_taken[no redis-postgresql]",
        (NO_COMPARE_AND_SET, NO_UNIQUE_INDEX, *NO_LOOK_IN_BATCHES),
    ),
    Mutant(
        "a batch does not look at the slot's state",
        "tests/booking/test_batches.py::test_what_is_not_plain_is_left_out_and_its_neighbours_are_booked",
        NO_LOOK_IN_BATCHES,
    ),
    Mutant(
        "a booking that changes its status is not counted anew",
        f"{COUNTERS}::test_what_is_undone_was_never_counted[sqlite]",
        (Edit(COUNTING, "    WHEN OLD.status <> NEW.status", "    WHEN OLD.status <> OLD.status"),),
    ),
    Mutant(
        "a batch adds a row per booking",
        f"{COUNTERS}::test_a_batch_adds_one_row",
        (
            Edit(
                COUNTING, "SELECT status, count(*) FROM added GROUP BY status", "SELECT status, 1 FROM added"
            ),
        ),
    ),
    Mutant(
        "what was there before the counters is not counted",
        f"{COUNTERS}::test_what_was_there_before_the_counters_is_counted[sqlite]",
        (Edit(COUNTING, "FROM bookings GROUP BY status", "FROM bookings WHERE false GROUP BY status"),),
    ),
    Mutant(
        "a lapsed hold counts as held until somebody sweeps it",
        f"{COUNTERS}::test_a_hold_counts_as_expired_from_its_deadline_on_whoever_notices[sqlite]",
        (
            Edit(
                "app/booking/counters.py", "overdue = found.pop(_LAPSED)", "overdue = 0 * found.pop(_LAPSED)"
            ),
        ),
    ),
    Mutant(
        "the planner does not know which holds have lapsed",
        f"{COUNTERS}::test_however_many_bookings_there_are_none_is_read_but_lapsed_holds[postgresql]",
        (
            Edit(
                "app/booking/counters.py",
                "return func.statement_timestamp() if",
                "return select(db_now()).scalar_subquery() if",
            ),
        ),
    ),
    Mutant(
        "a fold forgets what it took out",
        f"{COUNTERS}::test_folding_keeps_every_sum[sqlite]",
        (Edit("app/booking/counters.py", "tx.execute(insert(BookingCount), left)", "left.clear()"),),
    ),
    Mutant(
        "a leader whose term has ended goes on folding",
        f"{COUNTERS}::test_a_leader_whose_term_has_ended_folds_nothing[sqlite]",
        (Edit("app/booking/counters.py", "if term is not None:", "if term is not None and term.epoch < 0:"),),
    ),
    Mutant(
        "whoever sees some bookings is told how many there are",
        f"{COUNTERS}::test_whoever_sees_only_some_bookings_counts_only_those[sqlite]",
        (Edit("app/booking/reading.py", "if _conditions(narrow) else", "if narrow is None else"),),
    ),
    Mutant(
        "a batch waits for whoever is at a slot",
        "tests/booking/test_batches.py::test_nobody_waits_for_a_slot_that_somebody_is_at",
        (Edit(BATCHES, "FOR UPDATE OF slots SKIP LOCKED", "FOR UPDATE OF slots"),),
    ),
    Mutant(
        "a batch does not remember its answers",
        "tests/booking/test_batches.py::test_a_key_that_has_its_answer_books_nothing_more",
        (
            Edit(
                BATCHES,
                "INSERT INTO idempotency (scope, key, request_hash, answer, created_at)\n"
                "      SELECT scope, key, request_hash, answer, created_at FROM made WHERE key IS NOT NULL",
                "SELECT scope, key FROM made",
            ),
        ),
    ),
    Mutant(
        "a batch's change is not in the outbox",
        "tests/booking/test_batches.py::test_each_booking_of_a_batch_has_all_that_belongs_to_it",
        (
            Edit(
                BATCHES,
                "FROM change JOIN size USING (stream) JOIN counter ON counter.name = change.stream",
                "FROM change JOIN size USING (stream) JOIN counter ON counter.name = change.stream LIMIT 1",
            ),
        ),
    ),
    Mutant(
        "a lost reply to a batch's COMMIT counts as nothing booked",
        "tests/booking/test_batches.py::test_a_lost_reply_to_commit_is_settled_for_each_by_its_key",
        (
            Edit(
                "app/booking/batch_claims.py",
                "fates = {each.wish.booking_id: Unsettled(each.change) for each in made}",
                "fates = {}",
            ),
        ),
    ),
    Mutant(
        "a claim does not look at the fence",
        "tests/booking/test_redis_faults.py"
        "::test_a_contender_with_old_fences_alone_claims_as_without_redis_and_never_under_them[sqlite]",
        (Edit(STATEMENTS, "statement = statement.where(Slot.fence < fence)", "pass"),),
    ),
    Mutant(
        "a confirmation does not look at the fence",
        "tests/booking/test_statements.py"
        "::test_a_hold_is_confirmed_only_by_its_owner_and_under_its_fence[sqlite]",
        (Edit(STATEMENTS, "Slot.fence == case(dict(fences), value=Slot.id),", ""),),
    ),
    Mutant(
        "a confirmation does not look at the deadline",
        "tests/booking/test_hold_and_confirm.py"
        "::test_a_hold_past_its_deadline_cannot_be_confirmed_even_when_nobody_took_it[sqlite]",
        (
            Edit(
                STATEMENTS,
                "Slot.hold_until > db_now(),\n        )\n        .values(state=SlotState.BOOKED",
                ")\n        .values(state=SlotState.BOOKED",
            ),
        ),
    ),
    Mutant(
        "a hold protects nobody until its deadline",
        "tests/booking/test_statements.py::test_a_held_slot_cannot_be_taken_before_its_deadline[sqlite]",
        (
            Edit(
                STATEMENTS,
                "return and_(Slot.state == SlotState.HELD, Slot.hold_until <= db_now())",
                "return Slot.state == SlotState.HELD",
            ),
        ),
    ),
    Mutant(
        "a takeover ends live claims too",
        "tests/booking/test_statements.py::test_only_lapsed_claims_are_ended[sqlite]",
        (Edit(STATEMENTS, ", BookingSlot.booking_id.in_(dead))", ")"),),
    ),
    Mutant(
        "time stands still in a transaction",
        "tests/booking/test_statements.py"
        "::test_a_transaction_that_began_before_the_deadline_sees_that_it_has_passed",
        (Edit("app/database.py", 'return "clock_timestamp()"', 'return "now()"'),),
    ),
    Mutant(
        "the answer to a key is kept in a transaction of its own",
        "tests/test_idempotency.py::test_an_error_of_the_database_stores_nothing[postgresql]",
        (
            Edit(
                "app/idempotency.py",
                "    if not _take(tx, request):\n        return _earlier(tx, request), True\n    try:",
                "    with tx.engine.begin() as own:\n        is_new = _take(own, request)\n"
                "    if not is_new:\n        return _earlier(tx, request), True\n    try:",
            ),
        ),
    ),
    Mutant(
        "a lost reply to COMMIT counts as a failure",
        "tests/test_idempotency.py::test_a_lost_reply_to_commit_is_resolved_by_the_key",
        (
            Edit(
                "app/database_errors.py",
                "return state is None or state.startswith(CONNECTION_LOST)",
                "return False",
            ),
        ),
    ),
    Mutant(
        "the outbox is written after the commit",
        "tests/booking/test_crash.py"
        "::test_a_node_that_dies_right_after_its_commit_has_written_all_that_others_must_hear_of[sqlite-book]",
        (
            Edit(
                "app/booking/engine.py",
                "numbers[stream] = outbox.append_last(self.tx, stream, kind_of(changes[0]), changes)",
                "numbers[stream] = lambda: 0",
            ),
            Edit(
                "app/booking/engine.py",
                "            self.publish(change)",
                '            stream = outbox.doctor_stream(int(change["doctor_id"]))\n'
                '            self.database.run(lambda tx: outbox.append(tx, stream, "slot", change))\n'
                "            self.publish(change)",
            ),
        ),
    ),
    Mutant(
        "a lock is released whoever owns it by now",
        "tests/coordination/test_locks.py::test_a_late_release_does_not_take_the_next_owners_lock",
        (
            Edit(
                f"{SCRIPTS}/release.lua",
                "if held and string.match(held, '|(%d+)$') == ARGV[1] then",
                "if held then",
            ),
        ),
    ),
    Mutant(
        "an emptied Redis starts its fences again",
        "tests/coordination/test_locks.py::test_a_flushed_server_continues_above_the_floor",
        (Edit(f"{SCRIPTS}/acquire.lua", "math.max(last[slot], floor) + 1", "last[slot] + 1"),),
    ),
    Mutant(
        "a lock asked for again is another's",
        "tests/coordination/test_locks.py::test_asking_again_after_a_lost_reply_gives_the_same_fence",
        (Edit(f"{SCRIPTS}/acquire.lua", "if owner ~= ARGV[1] then", "if true then"),),
    ),
    Mutant(
        "a node that froze between statements sent together keeps its rows",
        "tests/test_database.py::test_a_record_of_a_node_that_froze_between_statements_sent_together_is_free_soon",
        (
            Edit(
                "app/engines.py", 'driver.execute(f"SET LOCAL transaction_timeout = {TOGETHER_MS:d}")', "pass"
            ),
        ),
    ),
    Mutant(
        "a node that froze in a pipeline keeps its rows",
        f"{PIPELINES}::test_a_node_that_froze_in_its_transaction_keeps_nothing",
        (Edit("app/pipelines.py", "*([limit()] if line.sends_together else [])", ""),),
    ),
    Mutant(
        "a node that froze before its COMMIT was sent keeps its rows",
        "tests/test_database.py::test_a_record_of_a_node_that_froze_before_its_commit_was_sent_is_free_soon",
        (Edit("app/commits.py", "before = [limit()] if line.sends_together else []", "before = []"),),
    ),
    Mutant(
        "a node that froze before it read a long answer keeps its rows",
        "tests/test_database.py::test_a_record_of_a_node_that_froze_before_it_read_a_long_answer_is_free_soon",
        (Edit("app/engines.py", " -c tcp_user_timeout=5s", ""),),
    ),
    Mutant(
        "a lost reply to what was sent with the COMMIT counts as nothing done",
        "tests/test_idempotency.py::test_a_lost_reply_to_commit_is_resolved_by_the_key",
        (
            Edit(
                "app/commits.py",
                "if isinstance(failed, OperationalError) and may_have_committed(sqlstate(failed)):",
                "if False:",
            ),
        ),
    ),
    Mutant(
        "a newcomer overtakes whoever waits to write",
        "tests/test_fair_semaphore.py::test_a_newcomer_does_not_overtake_whoever_waits",
        (Edit("app/fair_semaphore.py", "self._bells.popleft().release()", "self._free += 1"),),
    ),
    Mutant(
        "a refusal that came second replaces the answer of a repeat",
        "tests/test_idempotency.py::test_a_repeat_that_comes_before_a_refusal_is_kept_decides_for_both[sqlite]",
        (
            Edit(
                "app/idempotency.py",
                "    if not _take(tx, request):\n        return _earlier(tx, request), True\n    tx.execute",
                "    _take(tx, request)\n    tx.execute",
            ),
        ),
    ),
    Mutant(
        "a pipeline is used on servers that cannot limit a transaction",
        f"{PIPELINES}::test_servers_that_cannot_limit_a_transaction_are_told_one_thing_at_a_time",
        (Edit("app/round_trips.py", "if self.sends_together:", "if True:"),),
    ),
    Mutant(
        "a lost reply to the COMMIT of a pipeline counts as nothing done",
        f"{PIPELINES}::test_a_lost_reply_to_commit_is_called_unknown",
        (Edit("app/pipelines.py", "if may_have_committed(sqlstate(error)):", "if False:"),),
    ),
    Mutant(
        "a pipeline in the midst of something is used again",
        f"{PIPELINES}::test_a_connection_at_rest_is_used_again_and_no_other",
        (Edit("app/pipelines.py", "if line.is_idle:", "if True:"),),
    ),
    Mutant(
        "a pipeline waits for good for a server that says nothing",
        f"{PIPELINES}::test_a_server_that_says_nothing_is_not_waited_for_for_good",
        (Edit("app/round_trips.py", "poll.poll(max(deadline - time.monotonic(), 0) * 1000)", "poll.poll()"),),
    ),
    Mutant(
        "an old fence from a server that forgot is given again",
        "tests/coordination/test_locks.py::test_an_own_lock_that_is_not_above_the_floor_gets_a_new_fence",
        (Edit(f"{SCRIPTS}/acquire.lua", "if ours[slot] and ours[slot] > floor then", "if ours[slot] then"),),
    ),
    Mutant(
        "a lock's word is taken for the truth",
        "tests/booking/test_redis_faults.py::test_a_lock_that_lies_refuses_nobody[sqlite]",
        (
            Edit(
                "app/booking/turns.py",
                "return engine.glance.confirmed_refusal(slot_ids)",
                "return BookingConflict.because(Reason.SLOT_HELD, seconds_left=1)",
            ),
        ),
    ),
    Mutant(
        "a shared look may be older than the question",
        "tests/booking/test_glance.py::test_who_asks_during_a_read_is_not_answered_by_it",
        (
            Edit(
                "app/booking/glance.py",
                "flight = self._boarding.get(slot_ids)\n",
                "flight = self._boarding.get(slot_ids) or self._flying.get(slot_ids)\n",
            ),
        ),
    ),
    Mutant(
        "the breaker never opens",
        "tests/coordination/test_breaker.py::test_while_it_is_open_the_server_is_not_asked",
        (Edit("app/coordination/breaker.py", "FAILURES_TO_OPEN = 2", "FAILURES_TO_OPEN = 10**9"),),
    ),
    Mutant(
        "a leader acts without naming its epoch",
        "tests/booking/test_expiry.py::test_a_deposed_leader_that_wakes_late_sweeps_nothing[sqlite]",
        (Edit("app/booking/expiry.py", "        require_term(act.tx, term)\n", "        pass\n"),),
    ),
    Mutant(
        "a new epoch does not wait for the old one's transaction",
        "tests/coordination/test_leadership.py"
        "::test_a_new_epoch_waits_for_the_open_transaction_of_the_old_one",
        (Edit("app/coordination/leadership.py", ".with_for_update(read=True)", ""),),
    ),
    Mutant(
        "a leader gives back the lease of its own next epoch",
        "tests/coordination/test_leadership.py::test_a_late_resignation_leaves_the_lease_of_the_next_own_term",
        (
            Edit(
                f"{SCRIPTS}/resign.lua", " and tonumber(string.match(held, '%d+$')) <= tonumber(ARGV[2])", ""
            ),
        ),
    ),
    Mutant(
        "a heartbeat of a former life counts, whatever its incarnation",
        "tests/worker/coordinator/test_membership.py"
        "::test_a_late_heartbeat_of_a_former_life_does_not_revive_a_dead_node",
        (
            Edit(
                "app/algorithms/failure_detector.py",
                "            return heartbeat.incarnation > self.incarnation\n",
                "            return heartbeat.beat > self.beat\n",
            ),
        ),
    ),
    Mutant(
        "a replica does not look for a gap",
        "tests/algorithms/test_replica.py::test_a_delta_that_starts_past_the_end_of_a_stream_is_a_gap",
        (
            Edit(
                "app/algorithms/replica.py",
                "return before > self.vector.known(stream)",
                "return False",
            ),
        ),
    ),
    Mutant(
        "the node does not break a tie of two last writes",
        "tests/algorithms/test_registers.py::test_of_two_writes_of_one_moment_every_node_shows_the_same",
        (
            Edit(
                "app/algorithms/registers.py",
                "    return write.stamp\n",
                "    return (*write.stamp[:2], '')\n",
            ),
        ),
    ),
    Mutant(
        "some of several slots are enough",
        "tests/booking/test_walls.py::test_a_claim_on_several_slots_that_looked_too_early_takes_none[sqlite]",
        (
            Edit(CLAIMS, "    if len(rows) < len(slot_ids):\n", "    if not rows:\n"),
            Edit(
                CLAIMS,
                "    if missed:\n        raise true_refusal",
                "    if False:\n        raise true_refusal",
            ),
        ),
    ),
    Mutant(
        "a cancellation does not notice that the booking moved meanwhile",
        "tests/booking/test_interleavings.py"
        "::test_a_cancellation_behind_a_move_frees_the_slot_the_booking_moved_to",
        (
            Edit("app/booking/seen.py", "    if len(freed) < len(slot_ids):\n", "    if False:\n"),
            Edit("app/booking/changes.py", "owning=0,", "owning=None,"),
        ),
    ),
    Mutant(
        "a seat that is added brings a deadline of its own",
        "tests/booking/test_seats.py::test_adding_a_seat_does_not_restart_the_countdown[sqlite]",
        (Edit("app/booking/selection.py", "_deadline(act.tx, booking_id)", "act.engine.hold_seconds"),),
    ),
    Mutant(
        "who looks for the best seats does not lock them",
        "tests/booking/test_seat_races.py"
        "::test_the_best_seats_of_many_callers_are_disjoint_adjacent_and_end_with_sold_out"
        "[no redis-postgresql]",
        (
            Edit(
                "app/booking/best_available.py",
                "locked = statements.lock_what_is_free(tx, choice)",
                "locked = set(choice)",
            ),
        ),
    ),
    Mutant(
        "a batch of groups takes what is left of a group's seats",
        f"{SEAT_BATCHES}::test_a_group_steps_around_seats_that_somebody_is_at",
        (Edit(GROUPS, "HAVING count(*) = count(free.id) AND NOT", "HAVING NOT"),),
    ),
    Mutant(
        "a batch of groups takes seats that their address held in vain",
        f"{SEAT_BATCHES}::test_seats_that_an_address_held_in_vain_are_for_the_ordinary_way",
        (Edit(GROUPS, "count(free.id) AND NOT bool_or(free.was_held)", "count(free.id)"),),
    ),
    Mutant(
        "a batch of groups does not look at the seats' state",
        f"{SEAT_BATCHES}::test_seats_sold_since_the_look_stay_with_whoever_has_them",
        (
            Edit(GROUPS, "WHERE slots.state = 'OPEN' AND slots.starts_at", "WHERE slots.starts_at"),
            Edit(
                GROUPS, "free.id AND slots.state = 'OPEN' AND slots.starts_at", "free.id AND slots.starts_at"
            ),
        ),
    ),
    Mutant(
        "a batch of groups writes addresses in the clear",
        f"{SEAT_BATCHES}::test_no_address_is_written_in_the_clear",
        (Edit("app/booking/seat_rows.py", "        **values,\n        **contact,", "        **values,"),),
    ),
    Mutant(
        "a batch of groups whose commit is not answered goes on as if nothing had been written",
        f"{SEAT_BATCHES}::test_a_lost_reply_to_commit_is_settled_for_each_by_its_key",
        (
            Edit(
                "app/booking/seat_batches.py",
                "fates = {each.booking_id: Unsure(each.change) for each in made}",
                "fates = {}",
            ),
        ),
    ),
    Mutant(
        "two seats of different showtimes are one claim",
        "tests/booking/test_seats.py::test_seats_of_two_showtimes_or_a_seat_and_a_time_are_no_claim[sqlite]",
        (Edit(CLAIMS, "    require_one_owner(rows)\n    return rows\n", "    return rows\n"),),
    ),
    Mutant(
        "a series books what it can although it was to be all or nothing",
        "tests/booking/test_series.py"
        "::test_racing_series_never_share_a_time_and_the_losers_have_nothing[sqlite]",
        (
            Edit(
                "app/booking/series.py",
                "if refused and (not wish.takes_what_is_free or len(refused) == len(places)):",
                "if len(refused) == len(places):",
            ),
        ),
    ),
    Mutant(
        "an interval does not look who has its slots",
        "tests/booking/test_intervals.py"
        "::test_an_interval_over_a_taken_slot_is_refused_and_moves_nothing[sqlite-booked]",
        (Edit(INTERVALS, "[slot for slot in slots if not rules.is_free(slot)]", "[]"),),
    ),
    Mutant(
        "losers of an interval queue for the doctor's row",
        "tests/booking/test_interval_races.py::test_whoever_wants_a_taken_time_does_not_queue_for_the_doctor",
        (Edit(INTERVALS, "refusal = _early_refusal(engine, interval)", "refusal = None"),),
    ),
    Mutant(
        "a route's policy lets everybody in",
        "tests/web/test_policy.py::test_a_caller_without_the_role_is_told_403",
        (Edit("app/web/policy.py", "            _admit(who)\n", "            pass\n"),),
    ),
    Mutant(
        "a booking is anybody's",
        "tests/booking/test_rules.py::test_a_booking_of_nobody_does_not_belong_to_every_guest",
        (
            Edit(
                "app/booking/rules.py",
                "is_owner = self.user_id is not None and self.user_id == owner",
                "is_owner = self.user_id == owner",
            ),
        ),
    ),
    Mutant(
        "an action does not ask whose booking it is",
        "tests/web/api/test_roles.py"
        "::test_a_booking_of_another_doctor_does_not_exist_for_staff[sqlite-/cancel]",
        (
            Edit(
                "app/booking/seen.py",
                "if row is None or not actor.may_see(booking_id, row.user_id, row.doctor_id):",
                "if row is None:",
            ),
        ),
    ),
    Mutant(
        "staff of one doctor is staff of all",
        "tests/web/api/test_roles.py"
        "::test_a_booking_of_another_doctor_does_not_exist_for_staff[sqlite-/cancel]",
        (
            Edit(
                "app/booking/rules.py",
                "return self.is_staff and (self.doctors is None or doctor_id in self.doctors)",
                "return self.is_staff",
            ),
        ),
    ),
    Mutant(
        "the second wall is not put up",
        "tests/booking/test_wall.py::test_another_patient_and_a_guest_see_nothing",
        (
            Edit(
                "app/booking/wall.py",
                "set_config('oneslot.wall', 'on', true)",
                "set_config('oneslot.wall', 'off', true)",
            ),
        ),
    ),
    Mutant(
        "a form needs no token",
        "tests/web/pages/test_forgery.py::test_the_token_of_another_browser_is_refused",
        (
            Edit(
                "app/web/pages/forgery.py",
                "if not request.cookies.get(cookie_name()) or not is_keyed_digest(",
                "if False and not is_keyed_digest(",
            ),
        ),
    ),
    Mutant(
        "the database holds what a browser's cookie holds",
        "tests/web/pages/test_account.py::test_the_cookie_is_opaque_and_only_its_hash_is_stored",
        (
            Edit(
                "app/accounts/principals.py",
                "return hashlib.sha256(token.encode()).hexdigest()",
                "return token",
            ),
        ),
    ),
    Mutant(
        "an ended login goes on",
        "tests/web/pages/test_account.py::test_logging_out_ends_the_login_not_just_the_cookie",
        (
            Edit(
                "app/accounts/principals.py",
                "            Session.ended_at.is_(None),\n            Session.awaits_code",
                "            Session.awaits_code",
            ),
        ),
    ),
    Mutant(
        "a code of the second factor counts twice",
        "tests/web/api/test_account.py::test_a_code_that_was_used_is_refused[sqlite]",
        (
            Edit("app/accounts/totp.py", "and (after is None or step > after)", ""),
            Edit(
                "app/accounts/second_factor.py",
                ", or_(User.totp_last_step.is_(None), User.totp_last_step < step)",
                "",
            ),
        ),
    ),
    Mutant(
        "contact fields are stored in the clear",
        f"{SEALING}::test_no_table_holds_an_address_a_number_or_a_second_factor_in_the_clear[sqlite]",
        (
            Edit(
                "app/sealed_columns.py",
                "return None if value is None else keyring_of(dialect).seal(self.purpose, value)",
                "return value",
            ),
            Edit(
                "app/sealed_columns.py",
                "return None if value is None else keyring_of(dialect).open(self.purpose, value)",
                "return value",
            ),
        ),
    ),
    Mutant(
        "a batch writes addresses in the clear",
        f"{SEALING}::test_no_table_holds_an_address_a_number_or_a_second_factor_in_the_clear[postgresql]",
        (Edit("app/booking/batch_claims.py", "        **values,\n        **sealed,", "        **values,"),),
    ),
    Mutant(
        "remembered answers hold addresses in the clear",
        f"{SEALING}::test_no_table_holds_an_address_a_number_or_a_second_factor_in_the_clear[sqlite]",
        (Edit("app/tables/journal.py", "mapped_column(SealedAnswer)", "mapped_column(JSON)"),),
    ),
    Mutant(
        "what is sealed for one purpose opens for another",
        f"{SEALING}::test_what_was_sealed_for_one_purpose_opens_for_no_other",
        (
            Edit("app/sealing.py", "text.encode(), purpose.encode())", "text.encode(), b'')"),
            Edit("app/sealing.py", "raw[NONCE_BYTES:], purpose.encode())", "raw[NONCE_BYTES:], b'')"),
        ),
    ),
    Mutant(
        "who is on file under an earlier key is not found",
        f"{SEALING}::test_after_a_new_key_the_old_one_still_opens_and_finds[sqlite]",
        (
            Edit(
                "app/sealing.py",
                "[mark for mark in self._marks(purpose, text, self._keys) if mark]",
                "[mark for mark in self._marks(purpose, text, self._keys[:1]) if mark]",
            ),
        ),
    ),
    Mutant(
        "nobody asks at the start whether the key is the right one",
        f"{SEALING}::test_a_lost_key_is_named_at_the_start[sqlite]",
        (Edit("app/key_check.py", "    if missing:\n", "    if False:\n"),),
    ),
    Mutant(
        "production starts with the key that everybody knows",
        "tests/test_secrets.py::test_production_does_not_start_unsafe[unsafe5]",
        (Edit("app/config.py", "self.data_key == DEVELOPMENT_DATA_KEY or len", "len"),),
    ),
    Mutant(
        "whoever changes a booking does not go through the second wall",
        "tests/booking/test_wall.py"
        "::test_a_stranger_changes_nothing_even_where_the_product_forgot_to_ask[cancel_booking]",
        (
            Edit(
                "app/booking/seen.py",
                "    with behind_wall(tx, actor):\n        row",
                "    if True:\n        row",
            ),
        ),
    ),
    Mutant(
        "staff of one doctor sees every patient",
        "tests/web/pages/desk/test_own_doctors.py"
        "::test_for_programs_a_patient_of_another_doctor_does_not_exist",
        (Edit("app/directory/patients.py", "    if reader.doctors is None:\n", "    if True:\n"),),
    ),
    Mutant(
        "a search for patients leaves no trace",
        "tests/web/pages/desk/test_own_doctors.py"
        "::test_a_search_and_a_look_at_one_booking_stand_in_the_audit",
        (
            Edit(
                "app/web/pages/desk/counter.py",
                '    note_sight("patients", [each["id"] for each in matches], searched=True)\n',
                "",
            ),
        ),
    ),
    Mutant(
        "an operator's order says not from where it came",
        "tests/web/api/test_audit.py"
        "::test_changes_of_the_directory_and_orders_say_from_where_and_why[sqlite]",
        (Edit("app/web/commands.py", "            origin=origin(),\n", ""),),
    ),
    Mutant(
        "nodes believe any secret's seal",
        "tests/coordination/test_rpc_seal.py"
        "::test_while_the_secret_changes_the_earlier_one_is_believed_and_after_that_not[known1-False]",
        (
            Edit(
                "app/coordination/rpc/seal.py",
                "if hmac.compare_digest(expected.encode(), given):",
                "if given:",
            ),
        ),
    ),
    Mutant(
        "a new secret ends the forms that are open",
        "tests/test_secrets.py"
        "::test_a_form_opened_before_the_change_is_taken_while_the_old_secret_is_known[changing]",
        (
            Edit(
                "app/web/api/request_keys.py",
                "for secret in parts().config.secrets]",
                "for secret in parts().config.secrets[:1]]",
            ),
        ),
    ),
    Mutant(
        "tries at a password are not counted",
        "tests/web/api/test_account.py"
        "::test_after_ten_wrong_passwords_even_the_right_one_waits[sqlite-ann@example.org]",
        (Edit("app/accounts/attempts.py", "if row.tries <= allowance.most:", "if True:"),),
    ),
    Mutant(
        "nobody counts the holds of one person",
        "tests/booking/test_allowances.py"
        "::test_a_fourth_hold_is_refused_takes_nothing_and_says_when_to_come_back[sqlite]",
        (Edit("app/booking/allowances.py", "if facts.holds >= allowance.live_holds", "if False"),),
    ),
    Mutant(
        "the audit's chain does not look at the entry",
        "tests/audit/test_chain.py::test_an_edited_entry_is_found[sqlite]",
        (
            Edit(
                "app/audit/verify.py",
                "elif not hmac.compare_digest(link_hash(key, before.hash, seq, row), row.hash):",
                "elif False:",
            ),
        ),
    ),
    Mutant(
        "nobody asks how far the audit's chain went",
        "tests/audit/test_chain.py"
        "::test_a_tail_that_was_cut_off_is_found_by_an_anchor_of_the_database[sqlite]",
        (Edit("app/audit/verify.py", "if end.seq < each.seq:", "if False:"),),
    ),
    Mutant(
        "a webhook is signed without its body",
        "tests/webhooks/test_sender.py"
        "::test_a_delivery_is_signed_with_the_endpoints_secret_and_arrives_once[sqlite]",
        (
            Edit(
                "app/webhooks/sender.py",
                "int(endpoint.now.timestamp()), body)",
                'int(endpoint.now.timestamp()), b"")',
            ),
        ),
    ),
    Mutant(
        "a webhook goes to private addresses",
        "tests/outgoing/test_caller.py::test_a_name_that_leads_to_our_own_networks_is_not_called[10.0.0.5]",
        (Edit("app/outgoing/caller.py", "if not is_public(address):", "if False:"),),
    ),
    Mutant(
        "only the first address of a name is looked at",
        "tests/outgoing/test_caller.py::test_one_private_address_among_public_ones_is_enough_to_refuse",
        (Edit("app/outgoing/caller.py", "for address in addresses:", "for address in addresses[:1]:"),),
    ),
    Mutant(
        "the name is looked up a second time to connect",
        "tests/outgoing/test_caller.py::test_a_name_that_points_elsewhere_at_the_second_look_changes_nothing",
        (Edit("app/outgoing/caller.py", "(str(self._address), self.port)", "(self.host, self.port)"),),
    ),
    Mutant(
        "a receiver that drips is waited for",
        "tests/outgoing/test_caller.py::test_whoever_keeps_us_waiting_is_left_at_the_deadline[dripping]",
        (Edit("app/outgoing/caller.py", "        watch.start()\n", ""),),
    ),
    Mutant(
        "a busy feed says who comes",
        "tests/feeds/test_feeds.py::test_a_doctors_busy_feed_names_nobody",
        (
            Edit(
                "app/feeds/calendar.py",
                "    if feed.shows == FULL:\n        yield from _everything",
                "    if True:\n        yield from _everything",
            ),
        ),
    ),
    Mutant(
        "a feed outlives the right it was made under",
        "tests/feeds/test_feeds.py::test_a_feed_ends_with_the_right_it_was_made_under",
        (
            Edit(
                "app/feeds/subscriptions.py",
                "row is not None and _still_may(connection, row)",
                "row is not None",
            ),
        ),
    ),
    Mutant(
        "what is handed to a gateway is not signed",
        "tests/notices/test_transports.py"
        "::test_a_reminder_is_handed_to_the_gateway_signed_and_without_the_reason[sqlite-sms]",
        (Edit("app/notices/transports.py", "headers = {", "signed = {}\n        headers = {"),),
    ),
    Mutant(
        "a failed webhook is not tried again",
        "tests/webhooks/test_sender.py"
        "::test_while_a_receiver_is_down_everything_waits_and_then_arrives_once_under_the_same_id[sqlite]",
        (Edit("app/webhooks/deliveries.py", "is_final = outcome.status_code == GONE", "is_final = True"),),
    ),
    Mutant(
        "a webhook that fails is hammered",
        "tests/webhooks/test_sender.py"
        "::test_while_a_receiver_is_down_everything_waits_and_then_arrives_once_under_the_same_id[sqlite]",
        (Edit("app/webhooks/deliveries.py", "            resting_until=db_now(pause),\n", ""),),
    ),
    Mutant(
        "the relay's cursor moves without the deliveries' ids refusing a second one",
        "tests/webhooks/test_relay.py::test_an_event_is_queued_once_however_often_it_is_relayed[sqlite]",
        (
            Edit(
                "app/webhooks/relay.py",
                '"id": delivery_id(endpoint.id, event.id),',
                '"id": uuid.uuid4(),',
            ),
        ),
    ),
    Mutant(
        "the short cut for bookings passes over a login",
        f"{LANE_TESTS}::test_whoever_is_logged_in_books_for_their_account[sqlite]",
        (Edit("app/web/plain_booking.py", '"HTTP_AUTHORIZATION", ', ""),),
    ),
    Mutant(
        "the short cut for bookings counts nobody's writes",
        f"{LANE_TESTS}::test_both_ways_are_counted_together_and_refused_alike[sqlite]",
        (Edit(LANE, "        require_calm_of(self._parts.rates, origin, crowd)\n", ""),),
    ),
    Mutant(
        "the short cut for bookings forgets the key",
        f"{LANE_TESTS}::test_a_key_that_was_used_one_way_is_known_the_other_way[sqlite-quick first]",
        (Edit(LANE, "self._key(address, asked))", "None)"),),
    ),
    Mutant(
        "the short cut for bookings binds a key to nobody",
        f"{LANE_TESTS}::test_a_key_that_was_used_one_way_is_known_the_other_way[sqlite-quick first]",
        (Edit(LANE, "guest_at(address)", "guest_at(None)"),),
    ),
    Mutant(
        "a key used for the best seats of one show answers for another's",
        "tests/web/test_group_lane.py::test_a_key_is_bound_to_the_show_it_was_used_at[sqlite]",
        (Edit(LANE, "bound_key(asked.key, scope, asked.path,", "bound_key(asked.key, scope, asked.route,"),),
    ),
    Mutant(
        "a wish for the best seats with a login is booked for nobody's account",
        "tests/web/test_group_lane.py::test_whoever_is_logged_in_books_for_their_account[sqlite]",
        (Edit("app/web/plain_booking.py", '"HTTP_AUTHORIZATION", ', ""),),
    ),
    Mutant(
        "what a busy caller is granted ahead is not counted",
        "tests/coordination/test_rates.py"
        "::test_a_busy_caller_is_granted_some_ahead_and_the_limit_holds_for_all_nodes",
        (
            Edit(
                "app/coordination/rates.py",
                "return [self._script(keys=[key], args=[cost * count, window])]",
                "return [self._script(keys=[key], args=[cost, window])]",
            ),
        ),
    ),
    Mutant(
        "what was granted ahead is good for ever",
        "tests/coordination/test_rates.py::test_what_was_granted_ahead_is_good_for_a_second",
        (Edit("app/coordination/grants.py", "if left < 1 or now >= until:", "if left < 1:"),),
    ),
    Mutant(
        "nobody knows that a time was refused a moment ago",
        "tests/booking/test_glance.py::test_a_refusal_is_remembered_for_a_moment_and_then_looked_at_anew",
        (Edit("app/booking/glance.py", "return self._refused.get(slot_ids) is not None", "return False"),),
    ),
)

if __name__ == "__main__":
    wanted = " ".join(sys.argv[1:])
    sys.exit(0 if run([mutant for mutant in MUTANTS if wanted in mutant.name]) else 1)
