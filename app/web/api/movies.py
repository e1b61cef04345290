"""Movies and when they are shown: seen by anybody, added by admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from app.booking.seating import free_counts
from app.directory import movies as directory
from app.directory.showtimes import list_showtimes
from app.web.api.answers import answer, answer_page
from app.web.api.booking_answers import current_actor
from app.web.api.cinema_answers import MovieDocument, ShowtimeDocument
from app.web.api.cinema_inputs import MovieBody, MovieQuery, ShowtimeQuery
from app.web.api.directory_answers import created
from app.web.api.freshness import read_from_primary
from app.web.api.request_keys import request_key
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("movies", __name__, url_prefix="/api/movies", tag="Movies")


@api.get("")
@policy("public")
@api.input(MovieQuery, location="query", arg_name="query")
@api.output(list[MovieDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_movies(query: MovieQuery) -> Response:
    """List movies by title; with `id` only that one."""
    if query.id is not None:
        with parts().database.read() as connection:
            found = [directory.read_movie(connection, query.id)]
        return read_from_primary(answer_page(found, query.limit, _key))
    after = query.after(str, int)
    with parts().database.read() as connection:
        found = directory.list_movies(connection, query.q, query.genre, after, query.limit + 1)
    return read_from_primary(answer_page(found, query.limit, _key))


@api.post("")
@policy("admin")
@api.input(MovieBody, arg_name="body")
@api.output(MovieDocument, status_code=201)
def add_movie(body: MovieBody) -> Response:
    """Add a movie."""
    draft = directory.MovieDraft(**body.model_dump())
    done = directory.create_movie(parts().directory, draft, current_actor().label, request_key(body))
    return created(done, "/api/movies", "Movie created")


@api.get("/<id:movie_id>")
@policy("public")
@api.output(MovieDocument)
def show_movie(movie_id: int) -> Response:
    """Show a movie."""
    with parts().database.read() as connection:
        return read_from_primary(answer(directory.read_movie(connection, movie_id)))


@api.get("/<id:movie_id>/showtimes")
@policy("public")
@api.input(ShowtimeQuery, location="query", arg_name="query")
@api.output(list[ShowtimeDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_showtimes_of(movie_id: int, query: ShowtimeQuery) -> Response:
    """List the showtimes of a movie by start, with how many seats each has left."""
    after: Any = query.after(datetime, int)
    with parts().database.read() as connection:
        directory.read_movie(connection, movie_id)
        found = list_showtimes(connection, movie_id, *query.span(), after, query.limit + 1)
        free = free_counts(connection, [int(showtime["id"]) for showtime in found])
    shown = [{**showtime, "free_seats": free.get(showtime["id"], 0)} for showtime in found]
    page = answer_page(shown, query.limit, lambda showtime: (showtime["starts_at"], int(showtime["id"])))
    return read_from_primary(page)


def _key(movie: dict[str, Any]) -> tuple[str, int]:
    return movie["title"], int(movie["id"])
