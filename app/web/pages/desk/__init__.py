"""The front desk: the day's board, booking at the counter, the week, closures, lists. For staff alone.

Every change goes through the actions of app.booking, as for patients; nothing here writes a booking."""
