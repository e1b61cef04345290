"""What we promise: one live booking per slot, on every path.

Knows nothing of requests, pages or jobs."""
