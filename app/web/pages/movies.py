"""Movies: what is on, and when one of them is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, cast
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for

from app.booking.seating import free_counts
from app.directory.movies import TitleAndId, list_movies, read_movie
from app.directory.placing import read_now
from app.directory.showtimes import list_showtimes, next_showtimes
from app.languages.texts import _, ngettext
from app.web.api.cursors import read_cursor, write_cursor
from app.web.pages.blueprint import pages
from app.web.pages.posters import Poster, poster_of
from app.web.pages.wording import clock_time, instant, near_day, zone_offset
from app.web.parts import parts
from app.web.policy import policy

MOVIES_PER_PAGE = 12
MOST_SHOWTIMES = 100
#: Fewer free seats than this are worth saying.
FEW_SEATS = 20


@dataclass(frozen=True)
class Showing:
    """A showtime as something to choose."""

    url: str
    day: str
    time: str
    starts_at: str
    hall: str
    left: str
    is_sold_out: bool = False


@dataclass(frozen=True)
class MovieCard:
    title: str
    about: str
    url: str
    poster: Poster
    next: Showing | None


@dataclass(frozen=True)
class ShowDay:
    """A day with its showtimes."""

    title: str
    showings: tuple[Showing, ...]


@pages.get("/movies")
@policy("public")
def movies() -> str:
    """What is on."""
    cursor = request.args.get("cursor")
    after = cast(TitleAndId, read_cursor(cursor, (str, int))) if cursor else None
    with parts().database.read() as connection:
        now = read_now(connection)
        found = list_movies(connection, after=after, limit=MOVIES_PER_PAGE + 1)
        coming = next_showtimes(connection, [int(movie["id"]) for movie in found])
        free = free_counts(connection, [int(showtime["id"]) for showtime in coming.values()])
    shown = found[:MOVIES_PER_PAGE]
    return render_template(
        "movies.html",
        movies=[_card(movie, coming.get(movie["id"]), free, now) for movie in shown],
        following=_following(shown[-1]) if len(found) > len(shown) else None,
    )


@pages.get("/movies/<id:movie_id>")
@policy("public")
def movie(movie_id: int) -> str:
    """When and where the movie is shown."""
    with parts().database.read() as connection:
        now = read_now(connection)
        found = read_movie(connection, movie_id)
        showtimes = list_showtimes(connection, movie_id, limit=MOST_SHOWTIMES)
        free = free_counts(connection, [int(showtime["id"]) for showtime in showtimes])
    return render_template(
        "movie.html",
        movie=found,
        about=about(found),
        poster_picture=poster_of(found["poster_seed"], found["title"]),
        days=_days(showtimes, free, now),
        zone=_zone(showtimes),
    )


def about(movie: Mapping[str, Any]) -> str:
    """1 h 44 min · PG · Drama."""
    return f"{length(movie['minutes'])} · {movie['rating']} · {movie['genre']}"


def length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    return " ".join(
        part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest or not hours else "") if part
    )


def showing_of(showtime: Mapping[str, Any], free: Mapping[str, int], now: datetime) -> Showing:
    zone, starts_at = ZoneInfo(showtime["timezone"]), instant(showtime["starts_at"])
    left = free.get(showtime["id"], 0)
    return Showing(
        url=url_for("pages.seats", showtime_id=int(showtime["id"])),
        day=near_day(starts_at.astimezone(zone).date(), now.astimezone(zone).date()),
        time=clock_time(starts_at, zone),
        starts_at=showtime["starts_at"],
        hall=showtime["hall"]["name"],
        left=_left(left),
        is_sold_out=left == 0,
    )


def _left(seats: int) -> str:
    if seats == 0:
        return _("sold out")
    if seats > FEW_SEATS:
        return _("many seats free")
    return ngettext("%(num)s seat left", "%(num)s seats left", seats)


def _card(
    movie: Mapping[str, Any], coming: Mapping[str, Any] | None, free: Mapping[str, int], now: datetime
) -> MovieCard:
    return MovieCard(
        title=movie["title"],
        about=about(movie),
        url=url_for("pages.movie", movie_id=int(movie["id"])),
        poster=poster_of(movie["poster_seed"], movie["title"]),
        next=showing_of(coming, free, now) if coming else None,
    )


def _days(
    showtimes: Sequence[Mapping[str, Any]], free: Mapping[str, int], now: datetime
) -> tuple[ShowDay, ...]:
    def day_of(showtime: Mapping[str, Any]) -> date:
        return instant(showtime["starts_at"]).astimezone(ZoneInfo(showtime["timezone"])).date()

    days = []
    for _day, of_day in groupby(showtimes, key=day_of):
        showings = tuple(showing_of(showtime, free, now) for showtime in of_day)
        days.append(ShowDay(showings[0].day, showings))
    return tuple(days)


def _zone(showtimes: Sequence[Mapping[str, Any]]) -> str | None:
    if not showtimes:
        return None
    first = showtimes[0]
    zone = ZoneInfo(first["timezone"])
    return f"{zone.key} ({zone_offset(instant(first['starts_at']), zone)})"


def _following(last: Mapping[str, Any]) -> str:
    return url_for("pages.movies", cursor=write_cursor((last["title"], int(last["id"]))))
