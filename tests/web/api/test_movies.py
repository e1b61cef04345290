"""Movies, halls and showtimes by HTTP (A26, A27, B26)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

MOVIE = {"title": "The Long Way", "minutes": 104, "rating": "PG", "genre": "Drama"}
LAYOUT = {
    "zones": [{"name": "Front", "price_cents": 900}, {"name": "Back", "price_cents": 1250}],
    "rows": [
        {"label": "A", "zone": "Front", "seats": "wc##"},
        {"label": "B", "zone": "Back", "seats": "##_##"},
    ],
}
HALL = {"name": "Hall 1", "place": "Palace Cinema", "timezone": "Europe/Berlin", "layout": LAYOUT}
SOON = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()


@pytest.fixture
def admin(bearer):
    return bearer("admin")


@pytest.fixture
def movie(client, admin):
    return client.post("/api/movies", json=MOVIE, headers=admin).json["data"]


@pytest.fixture
def hall(client, admin):
    return client.post("/api/halls", json=HALL, headers=admin).json["data"]


def test_an_admin_adds_a_movie_and_anybody_sees_it(client, admin):
    made = client.post("/api/movies", json=MOVIE, headers=admin)
    movie = made.json["data"]

    assert (made.status_code, made.headers["Location"]) == (201, f"/api/movies/{movie['id']}")
    assert {**movie, **MOVIE} == movie
    assert client.get(made.headers["Location"]).json["data"] == movie
    assert client.get("/api/movies").json["data"] == [movie]
    assert client.get(f"/api/movies?id={movie['id']}").json["data"] == [movie]


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("patient", 403), ("staff", 403)])
@pytest.mark.parametrize("path", ["/api/movies", "/api/halls", "/api/showtimes"])
def test_nobody_else_makes_anything(client, bearer, role, status, path):
    headers = bearer(role) if role else {}

    assert client.post(path, json={}, headers=headers).status_code == status


def test_a_movie_that_is_not_there_is_not_found(client):
    for path in ("/api/movies/77", "/api/movies?id=77", "/api/movies/77/showtimes", "/api/halls/77",
                 "/api/showtimes/77", "/api/showtimes/77/seats", "/api/slots?showtime_id=77"):  # fmt: skip
        assert client.get(path).status_code == 404, path


def test_movies_are_paged_by_title_and_found_by_words_and_genre(client, admin):
    for title, genre in (("Zebra", "Comedy"), ("apple", "Drama"), ("Banana", "Drama")):
        client.post("/api/movies", json={**MOVIE, "title": title, "genre": genre}, headers=admin)

    first = client.get("/api/movies?limit=2").json
    rest = client.get(f"/api/movies?limit=2&cursor={first['page']['next_cursor']}").json

    assert len(first["data"]) == 2
    assert len(rest["data"]) == 1
    assert [movie["title"] for movie in client.get("/api/movies?q=ZEB").json["data"]] == ["Zebra"]
    assert len(client.get("/api/movies?genre=drama").json["data"]) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [({"title": ""}, "title"), ({"minutes": 0}, "minutes"), ({"minutes": "90"}, "minutes"),
     ({"rating": None}, "rating"), ({"poster_seed": -1}, "poster_seed"), ({"stars": 5}, "stars")],
)  # fmt: skip
def test_a_movie_with_something_wrong_names_the_field(client, admin, change, field):
    refused = client.post("/api/movies", json={**MOVIE, **change}, headers=admin)

    assert refused.status_code == 422
    assert field in {error["field"] for error in refused.json["errors"]}


def test_a_hall_is_previewed_before_it_is_made(client, admin):
    preview = client.post("/api/halls", json={**HALL, "preview": True}, headers=admin)
    before = client.get("/api/halls").json["data"]
    made = client.post("/api/halls", json=HALL, headers=admin)

    assert preview.status_code == 200
    assert preview.json["data"]["seats"] == made.json["data"]["seats"] == 8
    assert preview.json["data"]["kinds"] == {"standard": 6, "wheelchair": 1, "companion": 1}
    assert before == []
    assert client.get(made.headers["Location"]).json["data"]["layout"] == LAYOUT


def test_a_layout_that_cannot_be_built_names_the_row(client, admin):
    layout = {**LAYOUT, "rows": [*LAYOUT["rows"], {"label": "C", "zone": "Moon", "seats": "#"}]}

    refused = client.post("/api/halls", json={**HALL, "layout": layout}, headers=admin)

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == ["layout.rows[2].zone"]


def test_a_week_of_repeats_is_previewed_and_made(client, admin, movie, hall):
    body = {"movie_id": movie["id"], "hall_id": hall["id"], "first_day": SOON, "times": ["17:00", "20:15"],
            "days": 7}  # fmt: skip

    preview = client.post("/api/showtimes", json={**body, "preview": True}, headers=admin)
    made = client.post("/api/showtimes", json=body, headers=admin)
    again = client.post("/api/showtimes", json=body, headers=admin)

    assert preview.status_code == 200
    assert made.status_code == 201
    assert made.json["message"] == "Created 14 showtimes"
    assert made.json["data"]["seats_created"] == 14 * 8
    expected = [(each["show_date"], each["show_time"]) for each in preview.json["data"]["showtimes"]]
    assert [(each["show_date"], each["show_time"]) for each in made.json["data"]["showtimes"]] == expected
    assert (again.json["data"]["created"], again.json["data"]["skipped"]) == (0, 14)


def test_the_showtimes_of_a_movie_say_how_many_seats_are_left(client, admin, movie, hall):
    starts = f"{SOON}T18:00:00Z"
    body = {"movieId": movie["id"], "hallId": hall["id"], "startsAt": starts}
    made = client.post("/api/showtimes", json=body, headers=admin).json["data"]["showtimes"][0]
    seats = client.get(f"/api/showtimes/{made['id']}/seats").json["data"]["seats"]
    client.post("/api/bookings", json={"slot_id": seats[3]["id"], "patient_name": "Ada Lind",
                                       "patient_email": "ada@example.org"})  # fmt: skip

    (listed,) = client.get(f"/api/movies/{movie['id']}/showtimes").json["data"]
    shown = client.get(f"/api/showtimes/{made['id']}").json["data"]

    assert listed == shown
    assert (shown["seats"], shown["free_seats"]) == (8, 7)
    assert (shown["starts_at"], shown["hall"]["name"], shown["movie"]["title"]) == (
        starts, "Hall 1", "The Long Way",
    )  # fmt: skip


@pytest.mark.parametrize(
    "when", [{}, {"first_day": SOON}, {"starts_at": f"{SOON}T18:00:00Z", "times": ["18:00"]},
             {"starts_at": f"{SOON}T18:00:00Z", "days": 2}, {"first_day": SOON, "times": ["25:00"]},
             {"first_day": SOON, "times": ["20:00"], "days": 32}],
)  # fmt: skip
def test_a_showtime_says_when_in_one_way(client, admin, movie, hall, when):
    body = {"movie_id": movie["id"], "hall_id": hall["id"], **when}

    assert client.post("/api/showtimes", json=body, headers=admin).status_code == 422
