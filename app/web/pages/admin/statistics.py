"""How the clinic is doing: pictures first, the table beside them, and a file for those who count on."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Response, request, url_for

from app.booking.statistics import Statistics, read_statistics
from app.booking.tally import Attempts, read_attempts
from app.directory.placing import read_now
from app.directory.wall_time import day_bounds, local_day
from app.languages.texts import N_, _
from app.web.pages.admin.frame import render_admin
from app.web.pages.blueprint import pages
from app.web.pages.desk.lists import harmless
from app.web.pages.picker import date_in
from app.web.pages.wording import short_day
from app.web.parts import parts
from app.web.policy import policy

#: A quarter of a year is counted in a moment however many bookings there are; a year would not be.
USUAL_DAYS, MOST_DAYS = 28, 92
REASONS = {
    "SLOT_TAKEN": N_("taken"),
    "SLOT_HELD": N_("held by somebody"),
    "SLOT_BLOCKED": N_("not offered"),
    "OVERLAP": N_("overlapping"),
    "SOLD_OUT": N_("sold out"),
    "NOT_TOGETHER": N_("not side by side"),
}
WIDTH, HEIGHT = 720, 150
#: One hour alone would be a wall, not a bar.
FEWEST_BARS = 6


@dataclass(frozen=True)
class Span:
    first: date
    last: date

    def bounds(self) -> tuple[datetime, datetime]:
        zone = parts().config.zone
        return day_bounds(self.first, zone)[0], day_bounds(self.last, zone)[1]


@dataclass(frozen=True)
class Bar:
    """One bar of a picture, in its own units; lost is stacked on kept."""

    label: str
    x: float
    width: float
    kept: float
    lost: float
    kept_number: int
    lost_number: int


@pages.get("/admin/statistics")
@policy("admin")
def admin_statistics() -> str:
    """Four weeks, or the days asked for."""
    span, found, attempts = _read()
    days = [
        (short_day(day), number, found.cancelled_by_day[day]) for day, number in found.kept_by_day.items()
    ]
    hours = [(f"{hour:02}:00", number, 0) for hour, number in found.kept_by_hour.items()]
    return render_admin(
        "statistics",
        "admin_statistics",
        span=span,
        numbers=found,
        attempts=attempts,
        reasons={reason: _(words) for reason, words in REASONS.items()},
        days=days,
        hours=hours,
        day_bars=bars_of(days),
        hour_bars=bars_of(hours),
        width=WIDTH,
        height=HEIGHT,
        csv_url=url_for(
            "pages.admin_statistics_csv", first=span.first.isoformat(), last=span.last.isoformat()
        ),
    )


@pages.get("/admin/statistics.csv")
@policy("admin")
def admin_statistics_csv() -> Response:
    """The same numbers, day by day and doctor by doctor."""
    span, found, attempts = _read()
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow((_("what"), _("which"), _("kept"), _("cancelled"), _("offered")))
    for day, number in found.kept_by_day.items():
        writer.writerow((_("day"), day.isoformat(), number, found.cancelled_by_day[day], ""))
    for hour, number in found.kept_by_hour.items():
        writer.writerow((_("hour"), f"{hour:02}:00", number, "", ""))
    for use in found.use:
        writer.writerow((_("doctor"), harmless(use.name), use.taken, "", use.offered))
    for what, number in {"booked": attempts.booked, **attempts.refused}.items():
        writer.writerow((_("attempt"), what, number, "", ""))
    name = f"statistics-{span.first.isoformat()}-{span.last.isoformat()}.csv"
    return Response(
        "\ufeff" + text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def bars_of(lines: list[tuple[str, int, int]]) -> list[Bar]:
    """Bars that fill the picture, unless they are few; the highest reaches its top."""
    highest = max((kept + lost for _label, kept, lost in lines), default=0) or 1
    step = WIDTH / max(len(lines), FEWEST_BARS)
    return [
        Bar(label, round(number * step + step * 0.1, 2), round(step * 0.8, 2),
            round(HEIGHT * kept / highest, 2), round(HEIGHT * lost / highest, 2), kept, lost)
        for number, (label, kept, lost) in enumerate(lines)
    ]  # fmt: skip


def _read() -> tuple[Span, Statistics, Attempts]:
    zone = parts().config.zone
    with parts().database.read() as connection:
        today = local_day(read_now(connection), zone)
        span = _asked(today)
        bounds = span.bounds()
        return span, read_statistics(connection, *bounds, zone), read_attempts(connection, *bounds)


def _asked(today: date) -> Span:
    last = date_in(request.args.get("last")) or today
    first = date_in(request.args.get("first")) or last - timedelta(days=USUAL_DAYS - 1)
    return Span(max(min(first, last), last - timedelta(days=MOST_DAYS - 1)), last)
