"""Admins make movies, halls and showtimes, and see what they make before they make it."""

import re
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from apiflask import APIFlask
from hypothesis import given
from hypothesis import strategies as st

from app.directory.halls import list_halls
from app.directory.layouts import HallRow, Layout, Zone
from app.directory.movies import list_movies
from app.tables import Showtime
from app.web.pages.admin.layout_text import read_layout, write_layout
from app.web.pages.admin.showtimes import minutes_in
from tests.cinema import Cinema
from tests.web.conftest import PASSWORD, log_in_as
from tests.web.pages.conftest import Clinic, Person

MOVIE = {
    "title": "Paper Boats",
    "minutes": "96",
    "rating": "G",
    "genre": "Family",
    "description": "Two boats, one river.",
}
HALL = {
    "hall_name": "Blue Hall",
    "place": "Palace Cinema",
    "timezone": "Europe/Berlin",
    "currency": "EUR",
    "layout": "[Front 9]\nA wc##\n[Back 12,50]\nB-C ##_###",
}
FIRST_DAY = date.today() + timedelta(days=3)  # noqa: DTZ011 - a day ahead, in any zone


@pytest.fixture
def admin(app: APIFlask, person: Person) -> Person:
    """Logged in as browsers do."""
    log_in_as(app, app.test_client(), "admin")
    person.open("/login")
    person.send("/login", email="admin@example.org", password=PASSWORD)
    return person


def movies(clinic: Clinic) -> list[str]:
    with clinic.parts.database.read() as connection:
        return [movie["title"] for movie in list_movies(connection)]


def halls(clinic: Clinic) -> list[dict]:
    with clinic.parts.database.read() as connection:
        return list_halls(connection)


def showtimes(clinic: Clinic) -> int:
    with clinic.parts.database.read() as connection:
        return len(connection.execute(Showtime.__table__.select()).all())


def press(person: Person, words: str) -> None:
    """Send the form whose button says this."""
    forms = re.findall(r"<form[^>]*action=\"([^\"]*)\"[^>]*>(.*?)</form>", person.text, re.DOTALL)
    ((path, form),) = [found for found in forms if words in found[1]]
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form, re.DOTALL)
    person.send(path, **{name: unescape(value) for name, value in hidden})


@pytest.mark.parametrize("path", ["/admin/movies", "/admin/halls", "/admin/showtimes"])
def test_only_admins_get_in(app: APIFlask, person: Person, path: str) -> None:
    assert person.open(path).headers["Location"].startswith("/login?next=")

    log_in_as(app, app.test_client(), "staff")
    person.open("/login")
    person.send("/login", email="staff@example.org", password=PASSWORD)

    assert person.open(path).status_code == 403


def test_a_movie_is_looked_at_and_then_added(admin: Person, clinic: Clinic) -> None:
    admin.open("/admin/movies")
    admin.send("/admin/movies", **MOVIE)
    assert "This is how it will look" in admin.text
    assert "1 h 36 min · G · Family" in admin.text
    assert movies(clinic) == []

    press(admin, "Add this movie")

    assert movies(clinic) == ["Paper Boats"]
    assert "“Paper Boats” is added." in admin.text


def test_another_poster_is_one_press_away_and_the_one_looked_at_is_kept(
    admin: Person, clinic: Clinic
) -> None:
    admin.open("/admin/movies")
    admin.send("/admin/movies", **MOVIE, poster_seed="41")
    press(admin, "Another poster")
    press(admin, "Add this movie")

    with clinic.parts.database.read() as connection:
        (movie,) = list_movies(connection)
    assert movie["poster_seed"] == 42


def test_what_is_wrong_with_a_movie_is_told_at_its_field(admin: Person, clinic: Clinic) -> None:
    admin.open("/admin/movies")

    answer = admin.send("/admin/movies", **{**MOVIE, "title": " ", "minutes": "many"})

    assert answer.status_code == 422
    assert 'href="#title">Enter the title' in admin.text
    assert 'href="#minutes">Enter the length in minutes, 1 to 600' in admin.text
    assert 'value="Family"' in admin.text
    assert movies(clinic) == []


def test_a_hall_is_drawn_looked_at_and_built(admin: Person, clinic: Clinic) -> None:
    admin.open("/admin/halls")
    admin.send("/admin/halls", **HALL)
    assert "Blue Hall: 14 seats" in admin.text
    assert admin.text.count('<i class="seat"') == 14
    assert "4 seats at €9.00" in admin.text
    assert halls(clinic) == []

    press(admin, "Build this hall")

    (hall,) = halls(clinic)
    assert (hall["name"], hall["seats"], hall["rows"]) == ("Blue Hall", 14, 3)
    assert [row["seats"] for row in hall["layout"]["rows"]] == ["wc##", "##_###", "##_###"]


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("A ####", "Line 1: begin with a zone and its price"),
        ("[Front 9]\nA ##x#", "Line 2: write a row as its letter and its seats"),
        ("[Front 9]\nA ####\nA ##", "must have different labels"),
        ("[Front 9]\nA __", "must have a seat"),
    ],
)
def test_a_hall_that_cannot_be_built_says_why(admin: Person, clinic: Clinic, layout: str, words: str) -> None:
    admin.open("/admin/halls")

    answer = admin.send("/admin/halls", **{**HALL, "layout": layout})

    assert answer.status_code == 422
    assert words in unescape(admin.text)
    assert halls(clinic) == []


def test_a_second_hall_of_the_same_name_is_refused_at_its_name(admin: Person, clinic: Clinic) -> None:
    for _ in range(2):
        admin.open("/admin/halls")
        admin.send("/admin/halls", **HALL)
        press(admin, "Build this hall")

    assert 'href="#hall_name">Palace Cinema has a hall of this name.' in admin.text
    assert len(halls(clinic)) == 1


def test_a_hall_like_another_begins_with_its_layout(admin: Person, cinema: Cinema) -> None:
    hall_id = cinema.add_hall()

    admin.open(f"/admin/halls?like={hall_id}")

    assert "[Front 9.00]\nA    wc##\n[Back 12.50]\nB    ##_###" in admin.text


def test_a_week_of_showtimes_is_shown_and_made_and_never_twice(
    admin: Person, clinic: Clinic, cinema: Cinema
) -> None:
    form = {"movie_id": str(cinema.add_movie()), "hall_id": str(cinema.add_hall()), "days": "7",
            "first_day": FIRST_DAY.isoformat(), "times": "17:00, 20.15"}  # fmt: skip
    admin.open("/admin/showtimes")

    admin.send("/admin/showtimes", **form)
    assert "This makes 14 showtimes with 126 seats" in admin.text
    assert showtimes(clinic) == 0
    press(admin, "Add 14 showtimes")
    assert showtimes(clinic) == 14
    admin.send("/admin/showtimes", **form)

    assert "This makes no showtimes" in admin.text
    assert admin.text.count("there already") == 14


def test_a_taken_hall_and_the_past_are_left_out_with_the_reason(admin: Person, cinema: Cinema) -> None:
    hall = cinema.add_hall()
    for title in ("One", "Other"):
        form = {"movie_id": str(cinema.add_movie(title)), "hall_id": str(hall), "days": "1",
                "first_day": FIRST_DAY.isoformat(), "times": "17:00"}  # fmt: skip
        admin.open("/admin/showtimes")
        admin.send("/admin/showtimes", **form)
        if title == "One":
            press(admin, "Add 1 showtime")

    assert "the hall is taken then" in admin.text
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    admin.send("/admin/showtimes", **{**form, "first_day": yesterday})
    assert "in the past" in admin.text


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("17:00, 20:15", [1020, 1215]), ("9.30 9.30", [570]), ("24:00", []), ("soon", []), ("", [])],
)
def test_times_are_read_as_people_write_them(text: str, minutes: list[int]) -> None:
    assert minutes_in(text) == minutes


ROWS = st.lists(
    st.tuples(st.sampled_from("ABCDEFGH"), st.text("#wc_", min_size=1, max_size=6)), min_size=1, max_size=6
)


@given(st.lists(ROWS, min_size=1, max_size=3))
def test_what_is_written_of_a_layout_reads_as_the_same_layout(drawn) -> None:
    zones = tuple(Zone(f"Zone {number}", number * 150 + 5) for number in range(len(drawn)))
    rows = tuple(
        HallRow(label, zone.name, seats)
        for zone, rows in zip(zones, drawn, strict=True)
        for label, seats in rows
    )
    layout = Layout(zones, rows)

    read = read_layout(write_layout(layout))

    assert read.wrong == []
    assert read.layout == layout
