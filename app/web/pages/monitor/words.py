"""Numbers and ages as people read them; what is not known is a dash."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from app.languages.days import decimal as _decimal
from app.languages.days import short_day
from app.languages.texts import N_, _, ngettext

UNKNOWN = "–"
#: The words and the shape of each state; nobody has to tell them by colour.
STATES = {
    "up": (N_("up"), "●", "good"),
    "draining": (N_("draining"), "◐", "warn"),
    "suspect": (N_("suspect"), "▲", "warn"),
    "silent": (N_("silent"), "▲", "warn"),
    "down": (N_("down"), "✕", "bad"),
    "left": (N_("left"), "○", "off"),
}


def state(status: str) -> tuple[str, str, str]:
    """What a node's state is called, its sign, and whether that is good."""
    words, sign, kind = STATES.get(status, (status, "?", "off"))
    return _(words), sign, kind


def slots(count: int) -> str:
    """1 slot, 20 slots."""
    return ngettext("%(num)s slot", "%(num)s slots", count)


def age(seconds: float | None) -> str:
    """0.4 s ago, 12 s ago, 3 min ago."""
    return UNKNOWN if seconds is None else _("%(span)s ago", span=span(seconds))


def span(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    if seconds < 9.95:
        return f"{_decimal(max(seconds, 0), 1)} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3600:.0f} h"
    return ngettext("%(num)s day", "%(num)s days", round(seconds / 86_400))


def milliseconds(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    if value >= 1000:
        return f"{_decimal(value / 1000, 1)} s"
    return f"{value:.0f} ms" if value >= 10 else f"{_decimal(value, 1)} ms"


def offset(value: float | None) -> str:
    """A signed distance of clocks in milliseconds."""
    if value is None:
        return UNKNOWN
    sign = "+" if value >= 0 else "\N{MINUS SIGN}"
    return f"{sign}{_decimal(abs(value), 0 if abs(value) >= 100 else 2)} ms"


def number(value: float | None) -> str:
    if value is None:
        return UNKNOWN
    return _decimal(value, 0 if value == int(value) else 1)


def percent(share: float | None) -> str:
    return UNKNOWN if share is None else _("%(number)s%%", number=_decimal(share * 100, 1))


def at_time(instant: str | None, zone: ZoneInfo) -> str:
    """12:04:31 on the wall of the clinic, from an instant of a document."""
    if instant is None:
        return UNKNOWN
    return f"{datetime.fromisoformat(instant).astimezone(zone):%H:%M:%S}"


def day_and_time(instant: str, zone: ZoneInfo) -> str:
    """Fri 20 Nov, 12:04 on the wall of the clinic."""
    moment = datetime.fromisoformat(instant).astimezone(zone)
    return f"{short_day(moment)}, {moment:%H:%M}"


def since(instant: str | None, now: datetime) -> float | None:
    """Seconds since an instant of a document, by this node's clock."""
    return None if not instant else max((now - datetime.fromisoformat(instant)).total_seconds(), 0.0)
