"""Whole stacks: real nodes, nginx, database, Redis and jobs, as `make run` starts them."""
