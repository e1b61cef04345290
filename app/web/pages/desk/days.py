"""Which day or week the desk looks at: the clinic's days, whatever zone the doctors keep."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import request, url_for

from app.directory.wall_time import day_bounds, local_day
from app.languages.texts import _, ngettext
from app.web.pages.picker import date_in
from app.web.pages.wording import long_day

DAYS_OF_WEEK = 7

#: What of the address says which doctors are looked at.
CHOSEN = ("specialization", "page")


@dataclass(frozen=True)
class DeskDay:
    """A day of the clinic, and the database's time of looking at it."""

    day: date
    now: datetime
    zone: ZoneInfo

    @classmethod
    def asked(cls, now: datetime, zone: ZoneInfo) -> DeskDay:
        """The day in the address; today when there is none."""
        return cls(date_in(request.values.get("date")) or local_day(now, zone), now, zone)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        return day_bounds(self.day, self.zone)

    @property
    def today(self) -> date:
        return local_day(self.now, self.zone)

    @property
    def is_today(self) -> bool:
        return self.day == self.today

    @property
    def title(self) -> str:
        return long_day(self.day)

    @property
    def nearness(self) -> str:
        """Today, tomorrow, or how far away."""
        days = (self.day - self.today).days
        near = {0: _("Today"), 1: _("Tomorrow"), -1: _("Yesterday")}
        if days in near:
            return near[days]
        if days > 0:
            return ngettext("In %(num)s day", "In %(num)s days", days)
        return ngettext("%(num)s day ago", "%(num)s days ago", -days)

    def moved(self, days: int) -> date:
        return self.day + timedelta(days=days)

    @property
    def monday(self) -> date:
        return self.day - timedelta(days=self.day.weekday())

    @property
    def week(self) -> list[date]:
        return [self.monday + timedelta(days=ahead) for ahead in range(DAYS_OF_WEEK)]


def desk_url(day: date, **more: str | None) -> str:
    """The board of that day, with what else is to be seen; the chosen doctors stay chosen."""
    kept = {"date": day.isoformat(), **{name: request.values.get(name) for name in CHOSEN}, **more}
    return f"{url_for('pages.desk')}?{urlencode({name: text for name, text in kept.items() if text})}"


def act_url(endpoint: str, **values: Any) -> str:
    """Where a form of the board goes, so that the answer keeps the chosen doctors."""
    kept: dict[str, Any] = {name: request.values.get(name) or None for name in CHOSEN}
    return url_for(endpoint, **values, **kept)
