"""The door of the process for event streams: `gunicorn wsgi_events:app`."""

from __future__ import annotations

from app import create_event_server
from app.web.parts import EXTENSION

app = create_event_server()
app.extensions[EXTENSION].broadcaster.stop_on_sigterm()
