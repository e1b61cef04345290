"""What the reader's own clocks show at a moment, where they said in which zone they live."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import has_request_context

from app.languages.texts import _
from app.web.pages.frame import visitor
from app.web.pages.wording import clock_time, short_day, zone_offset


def your_time(moment: datetime, zone: ZoneInfo) -> str | None:
    """10:00 in Asia/Tokyo for you; with the day when it is another one. None where their clocks agree."""
    reader = visitor() if has_request_context() else None
    if reader is None or reader.timezone is None:
        return None
    here, there = moment.astimezone(zone), moment.astimezone(yours := ZoneInfo(reader.timezone))
    if here.utcoffset() == there.utcoffset():
        return None
    day = f"{short_day(there.date())} " if there.date() != here.date() else ""
    time = f"{day}{clock_time(moment, yours)}"
    return _("Your time: %(time)s, %(zone)s", time=time, zone=f"{yours.key} ({zone_offset(moment, yours)})")
