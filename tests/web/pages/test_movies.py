"""What is on: movies and their showtimes (J5)."""

import re
from datetime import datetime, timedelta

import pytest

from app.booking.actions import GUEST, Claim, hold_slot
from app.web.pages.posters import poster_of
from tests.cinema import TOMORROW, Cinema, block
from tests.moments import CLINIC
from tests.web.pages.conftest import SOMEBODY, Clinic, Person


def test_a_cinema_without_movies_says_so(person: Person) -> None:
    person.open("/movies")

    assert "Nothing is on yet" in person.text


def test_a_movie_shows_its_poster_length_rating_genre_and_next_showing(
    person: Person, cinema: Cinema
) -> None:
    movie = cinema.add_movie("The Long Way", 124, rating="PG", genre="Drama")
    evening = (datetime.now(CLINIC) + timedelta(days=1)).replace(hour=18, minute=0, second=0, microsecond=0)
    showtime = cinema.add_showtime(movie_id=movie, starts_at=evening)

    person.open("/movies")

    assert "2 h 4 min · PG · Drama" in person.text
    assert '<svg class="poster"' in person.text
    assert f'href="/showtimes/{showtime}"' in person.text
    assert "Tomorrow, " in person.text


def test_a_movie_lists_its_showtimes_by_day_and_what_is_left(
    person: Person, clinic: Clinic, cinema: Cinema
) -> None:
    movie = cinema.add_movie()
    full = cinema.add_showtime(block(1, 2), movie_id=movie)
    later = cinema.add_showtime(movie_id=movie, starts_at=TOMORROW + timedelta(days=1))
    seats = tuple(cinema.ids(full).values())
    hold_slot(clinic.parts.engine, Claim(seats, SOMEBODY, instant=True), GUEST)

    person.open(f"/movies/{movie}")

    assert re.findall(r"<small>(sold out|\d+ seats left)</small>", person.text) == [
        "sold out",
        "9 seats left",
    ]
    assert "Times shown in Europe/Berlin" in person.text
    assert f'href="/showtimes/{later}"' in person.text


@pytest.mark.parametrize("path", ["/movies/4711", "/showtimes/4711", "/movies/0", "/t/not-a-ticket"])
def test_what_does_not_exist_is_told_as_such(person: Person, path: str) -> None:
    assert person.open(path).status_code == 404


def test_more_movies_than_fit_are_on_the_next_page(person: Person, cinema: Cinema) -> None:
    for number in range(13):
        cinema.add_movie(f"Movie {number:02}")

    person.open("/movies")
    following = re.search(r'href="(/movies\?cursor=[^"]+)">More movies', person.text)
    assert following is not None
    first = person.text
    person.open(following.group(1))

    assert first.count("movie-card__words") == 12
    assert person.text.count("movie-card__words") == 1


def test_the_same_number_draws_the_same_poster_and_long_titles_fit() -> None:
    one, again, other = (poster_of(seed, "A Very Long Title about Everything") for seed in (7, 7, 8))

    assert one == again
    assert one.shapes != other.shapes
    assert len(one.lines) <= 3
    assert max(map(len, one.lines)) <= 14
