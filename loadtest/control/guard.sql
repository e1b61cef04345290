-- The database's half of the guard.
CREATE UNIQUE INDEX one_live_booking_per_slot ON booking_slots (slot_id) WHERE live;
CREATE UNIQUE INDEX one_booking_per_fence ON booking_slots (slot_id, fence);
CREATE UNIQUE INDEX one_answer_per_key ON idempotency (key);
