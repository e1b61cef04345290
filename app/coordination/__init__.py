"""The same ideas on Redis and between nodes: locks, leases, membership.

Nothing here decides who owns a slot; that is the database's word alone."""
