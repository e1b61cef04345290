"""Other programs are told what happens to bookings: relayed from the audit's chain, signed, retried, logged.

Nothing here changes a booking, and nothing of a person leaves: ids, reference, times and states only."""
