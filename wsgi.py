"""The door of every web server: `gunicorn wsgi:app`."""

from __future__ import annotations

import signal
from types import FrameType

from app import create_app
from app.web.parts import EXTENSION, Parts

app = create_app()


def end_streams_on_sigterm(parts: Parts) -> None:
    """Tell open event streams to end when the server is told to; it would wait for them otherwise."""
    earlier = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        parts.broadcaster.stop()
        if callable(earlier):
            earlier(number, frame)
        elif earlier is signal.SIG_DFL:
            raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)


end_streams_on_sigterm(app.extensions[EXTENSION])
app.extensions[EXTENSION].load_reporter.start()
app.extensions[EXTENSION].mirror.start()
