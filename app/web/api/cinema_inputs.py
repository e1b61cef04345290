"""What may be asked of movies, halls, showtimes and seats, as typed values."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StringConstraints, model_validator

from app.booking.actions import SeatWish
from app.booking.rules import MOST_SLOTS
from app.coordination.replication.levels import Level
from app.directory.layouts import LONGEST_LABEL, MOST_COLUMNS, MOST_ROWS, HallRow, Layout, Zone
from app.directory.movies import LARGEST_SEED
from app.directory.program import MOST_DAYS, Program, daily
from app.web.api.booking_inputs import PatientBody
from app.web.api.directory_inputs import TimeZoneName
from app.web.api.fields import Day, Instant, Line, Paragraph, ResourceId, WallTime
from app.web.api.inputs import PageQuery, RequestModel

MOST_TIMES_A_DAY = 8
MOST_ZONES = 12
HIGHEST_PRICE_CENTS = 10_000_000
Named = Annotated[Line, StringConstraints(min_length=1, max_length=100)]
ShortName = Annotated[Line, StringConstraints(min_length=1, max_length=40)]


class MovieBody(RequestModel):
    """A new movie; poster_seed is the number its poster is drawn from."""

    title: Annotated[Line, StringConstraints(min_length=1, max_length=200)]
    minutes: Annotated[StrictInt, Field(ge=1, le=600)]
    rating: Annotated[Line, StringConstraints(min_length=1, max_length=20)]
    genre: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    description: Paragraph | None = None
    poster_seed: Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED)] | None = None


class MovieQuery(PageQuery):
    """q is looked for in the title; with id that movie alone is shown."""

    id: ResourceId | None = None
    q: Line | None = None
    genre: Line | None = None


class ZoneBody(RequestModel):
    name: ShortName
    price_cents: Annotated[StrictInt, Field(ge=0, le=HIGHEST_PRICE_CENTS)]


class RowBody(RequestModel):
    """From left to right: `#` a seat, `w` a space for a wheelchair, `c` a companion's seat, `_` a gap."""

    label: Annotated[Line, StringConstraints(min_length=1, max_length=LONGEST_LABEL)]
    zone: ShortName
    seats: Annotated[
        str, StringConstraints(strict=True, min_length=1, max_length=MOST_COLUMNS, pattern="^[#wc_]+$")
    ]


class LayoutBody(RequestModel):
    """Rows from the screen backwards."""

    zones: Annotated[list[ZoneBody], Field(min_length=1, max_length=MOST_ZONES)]
    rows: Annotated[list[RowBody], Field(min_length=1, max_length=MOST_ROWS)]

    def layout(self) -> Layout:
        return Layout(
            tuple(Zone(zone.name, zone.price_cents) for zone in self.zones),
            tuple(HallRow(row.label, row.zone, row.seats) for row in self.rows),
        )


class HallBody(RequestModel):
    """A new hall; without timezone the clinic's is taken. preview shows what would be made."""

    name: Named
    place: Named
    timezone: TimeZoneName | None = None
    currency: Annotated[str, StringConstraints(strict=True, pattern="^[A-Z]{3}$")] = "EUR"
    layout: LayoutBody
    preview: StrictBool = False


class ShowtimeBody(RequestModel):
    """One showtime (starts_at), or the same times on so many days in a row on the hall's wall clock.

    preview shows exactly what would be made and what would be left out, and changes nothing."""

    movie_id: ResourceId
    hall_id: ResourceId
    starts_at: Instant | None = None
    first_day: Day | None = None
    times: Annotated[list[WallTime], Field(min_length=1, max_length=MOST_TIMES_A_DAY)] | None = None
    days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS)] = 1
    preview: StrictBool = False

    @model_validator(mode="after")
    def _say_when_once(self) -> ShowtimeBody:
        is_daily = self.first_day is not None and self.times is not None
        is_clear = is_daily if self.starts_at is None else self.first_day is None and self.times is None
        if not is_clear:
            raise ValueError("give starts_at, or first_day with times")
        if self.starts_at is not None and self.days != 1:
            raise ValueError("days goes with first_day and times")
        return self

    def program(self) -> Program:
        if self.starts_at is not None:
            return Program(self.movie_id, self.hall_id, (self.starts_at,))
        if self.first_day is None or self.times is None:
            raise AssertionError("the body was validated to say when")
        starts = daily(self.first_day, self.days, [_minute(at) for at in self.times])
        return Program(self.movie_id, self.hall_id, starts, "first_day")


class ShowtimeQuery(PageQuery):
    """from and to are instants; to does not count. Without from, showtimes to come."""

    from_: Annotated[Instant | None, Field(alias="from")] = None
    to: Instant | None = None

    def span(self) -> tuple[datetime | None, datetime | None]:
        return self.from_, self.to


class SeatsQuery(RequestModel):
    """sparse leaves out the free seats: whoever knows the layout's version knows them."""

    sparse: bool = False
    consistency: Level | None = None


class BestBody(PatientBody):
    """How many seats, and what they should be like. A hold needs no name yet."""

    count: Annotated[StrictInt, Field(ge=1, le=MOST_SLOTS)]
    zone: ShortName | None = None
    together: StrictBool = True
    accessible: StrictBool = False
    hold: StrictBool = True

    def wish(self) -> SeatWish:
        return SeatWish(self.count, self.zone, self.together, self.accessible)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute
