-- The columns the invariant queries read, named as the product names them.
CREATE TABLE doctors (id INTEGER PRIMARY KEY, name TEXT NOT NULL, specialization TEXT NOT NULL);
CREATE TABLE slots (
  id INTEGER PRIMARY KEY, doctor_id INTEGER, starts_at TEXT NOT NULL,
  ends_at TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'OPEN', booking_id TEXT, fence INTEGER NOT NULL DEFAULT 0,
  hold_until TEXT, version INTEGER NOT NULL DEFAULT 1, showtime_id INTEGER, lane INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX slots_of_doctor ON slots (doctor_id, starts_at);
CREATE TABLE bookings (
  id TEXT PRIMARY KEY, status TEXT NOT NULL, doctor_id INTEGER, starts_at TEXT NOT NULL,
  ends_at TEXT NOT NULL, patient_name TEXT, expires_at TEXT, manage_token TEXT NOT NULL
);
CREATE INDEX bookings_of_doctor ON bookings (doctor_id, status);
-- It keeps no counters.
CREATE VIEW booking_counts AS SELECT status, count(*) AS amount FROM bookings GROUP BY status;
CREATE TABLE booking_slots (
  booking_id TEXT NOT NULL, slot_id INTEGER NOT NULL, fence INTEGER NOT NULL, live BOOLEAN NOT NULL
);
CREATE INDEX slots_of_booking ON booking_slots (booking_id);
CREATE TABLE idempotency (key TEXT NOT NULL, request TEXT NOT NULL, status INTEGER NOT NULL, answer TEXT NOT NULL);
CREATE INDEX answers_by_key ON idempotency (key);
