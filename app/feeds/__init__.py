"""Calendars to subscribe to: somebody's bookings, or a doctor's, at a secret address that can be taken back.

Reads bookings, never changes one; what a busy feed shows names nobody."""
