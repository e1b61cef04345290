"""Movies: what there is, and a new one with the poster it would get."""

from __future__ import annotations

from typing import Annotated, Any

from flask import redirect, request, url_for
from pydantic import Field, StringConstraints
from werkzeug.wrappers import Response

from app.directory.movies import LARGEST_SEED, MovieDraft, create_movie, list_movies, seed_of
from app.web.api.booking_answers import current_actor
from app.web.api.fields import Line, Paragraph
from app.web.api.inputs import RequestModel
from app.web.pages.admin.screen import Typed, is_in_earnest, render_admin
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form, request_key
from app.web.pages.movies import about
from app.web.pages.posters import poster_of
from app.web.parts import parts
from app.web.policy import policy

MOST_MOVIES = 100


class MovieForm(RequestModel):
    """A new movie as typed; poster_seed draws another poster."""

    title: Annotated[Line, StringConstraints(min_length=1)]
    minutes: Annotated[int, Field(ge=1, le=600)]
    rating: Annotated[Line, StringConstraints(min_length=1, max_length=20)]
    genre: Annotated[Line, StringConstraints(min_length=1, max_length=60)]
    description: Paragraph | None = None
    poster_seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = None


@pages.get("/admin/movies")
@policy("admin")
def admin_movies() -> Response:
    """Every movie, and a form for another."""
    return _page(Typed())


@pages.post("/admin/movies")
@policy("admin")
def admin_movies_add() -> Response:
    """Show what the form makes, or make it."""
    read = read_form(MovieForm, request.form)
    if isinstance(read, Wrong):
        return _page(Typed(read.values, dict(read.sentences)))
    draft = MovieDraft(**read.model_dump())
    if not is_in_earnest():
        return _page(Typed(_typed(read), preview=_card(draft)))
    done = create_movie(parts().directory, draft, current_actor().label, request_key(read.model_dump()))
    return redirect(url_for("pages.admin_movies", done=done.value["title"]), 303)


def _page(typed: Typed) -> Response:
    with parts().database.read() as connection:
        found = list_movies(connection, limit=MOST_MOVIES)
    shown = [{**movie, "about": about(movie), "poster": _poster(movie)} for movie in found]
    return render_admin("movies", typed, movies=shown)


def _typed(read: MovieForm) -> dict[str, str]:
    return {name: str(value) for name, value in read.model_dump().items() if value is not None}


def _card(draft: MovieDraft) -> dict[str, Any]:
    seed = seed_of(draft)
    return {
        "title": draft.title,
        "about": about({"minutes": draft.minutes, "rating": draft.rating, "genre": draft.genre}),
        "description": draft.description,
        "poster": poster_of(seed, draft.title),
        "seed": seed,
        "other_seed": (seed + 1) % LARGEST_SEED,
    }


def _poster(movie: dict[str, Any]) -> Any:
    return poster_of(movie["poster_seed"], movie["title"])
