"""Numbers and ages as people read them; what is not known is a dash."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

UNKNOWN = "–"
#: The words and the shape of each state; nobody has to tell them by colour.
STATES = {
    "up": ("up", "●", "good"),
    "draining": ("draining", "◐", "warn"),
    "suspect": ("suspect", "▲", "warn"),
    "silent": ("silent", "▲", "warn"),
    "down": ("down", "✕", "bad"),
    "left": ("left", "○", "off"),
}


def age(seconds: float | None) -> str:
    """0.4 s ago, 12 s ago, 3 min ago."""
    return UNKNOWN if seconds is None else f"{span(seconds)} ago"


def span(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    if seconds < 9.95:
        return f"{max(seconds, 0):.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def milliseconds(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{value:.1f} ms"


def offset(value: float | None) -> str:
    """A signed distance of clocks in milliseconds."""
    if value is None:
        return UNKNOWN
    sign = "+" if value >= 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(value):,.0f} ms" if abs(value) >= 100 else f"{sign}{abs(value):.2f} ms"


def number(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share * 100:.1f}%"


def at_time(instant: str | None, zone: ZoneInfo) -> str:
    """12:04:31 on the wall of the clinic, from an instant of a document."""
    if instant is None:
        return UNKNOWN
    return f"{datetime.fromisoformat(instant).astimezone(zone):%H:%M:%S}"


def day_and_time(instant: str, zone: ZoneInfo) -> str:
    """Fri 20 Nov, 12:04 on the wall of the clinic."""
    moment = datetime.fromisoformat(instant).astimezone(zone)
    return f"{moment:%a} {moment.day} {moment:%b}, {moment:%H:%M}"


def since(instant: str | None, now: datetime) -> float | None:
    """Seconds since an instant of a document, by this node's clock."""
    return None if not instant else max((now - datetime.fromisoformat(instant)).total_seconds(), 0.0)
