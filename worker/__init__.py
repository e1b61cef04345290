"""Processes without a browser: the coordinator, the jobs, and the stack that runs it all.

Builds its objects from app; app never imports worker."""
