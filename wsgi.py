"""The door of every web server: `gunicorn wsgi:app`."""

from __future__ import annotations

from app import create_app
from app.web.parts import EXTENSION

app = create_app()

app.extensions[EXTENSION].broadcaster.stop_on_sigterm()
app.extensions[EXTENSION].load_reporter.start()
app.extensions[EXTENSION].mirror.start()
