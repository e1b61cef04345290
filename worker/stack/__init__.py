"""`make run`: the servers, nodes and workers of one machine, started in order and stopped cleanly.

Knows processes and ports, nothing of bookings."""
