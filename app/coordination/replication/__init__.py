"""The database's changes on every node: relayed to Redis streams, applied to replicas, healed by gossip.

For reading only. No booking decision may come here; import-linter keeps this package from the actions."""
