"""Movies: found by anybody, added by admins."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Row, func, insert, select, tuple_

from app.directory.directory import Act, Directory
from app.directory.documents import Document, instant
from app.errors import NotFound
from app.idempotency import Answer, RequestKey
from app.tables.cinema import Movie

MOVIE_COLUMNS = tuple(Movie.__table__.columns)
LARGEST_SEED = 2**31 - 1
TitleAndId = tuple[str, int]


@dataclass(frozen=True)
class MovieDraft:
    """What a new movie is made of; without a seed the poster follows from the title."""

    title: str
    minutes: int
    rating: str
    genre: str
    description: str | None = None
    poster_seed: int | None = None


def create_movie(
    directory: Directory, draft: MovieDraft, actor: str, request: RequestKey | None = None
) -> Answer:
    """Two movies may have one title: remakes do."""

    def work(act: Act) -> Document:
        values = asdict(draft) | {"poster_seed": seed_of(draft)}
        row = act.tx.execute(insert(Movie).values(values).returning(*MOVIE_COLUMNS)).one()
        act.audit("movie_created", movie_id=row.id)
        return movie_document(row)

    return directory.perform(actor, request, work)


def seed_of(draft: MovieDraft) -> int:
    """The number the poster is drawn from."""
    return crc32(draft.title.encode()) & LARGEST_SEED if draft.poster_seed is None else draft.poster_seed


def read_movie(connection: Connection, movie_id: int) -> Document:
    """Raises NotFound."""
    row = connection.execute(select(*MOVIE_COLUMNS).where(Movie.id == movie_id)).first()
    if row is None:
        raise NotFound("There is no such movie.")
    return movie_document(row)


def list_movies(
    connection: Connection,
    q: str | None = None,
    genre: str | None = None,
    after: TitleAndId | None = None,
    limit: int = 50,
) -> list[Document]:
    """Movies by title and id, those after the given pair; q is looked for in the title."""
    query = select(*MOVIE_COLUMNS).order_by(Movie.title, Movie.id)
    if q is not None:
        query = query.where(func.lower(Movie.title).contains(q.strip().lower(), autoescape=True))
    if genre is not None:
        query = query.where(func.lower(Movie.genre) == genre.strip().lower())
    if after is not None:
        query = query.where(tuple_(Movie.title, Movie.id) > after)
    return [movie_document(row) for row in connection.execute(query.limit(limit))]


def movie_document(row: Row[Any]) -> Document:
    return {
        "id": str(row.id),
        "title": row.title,
        "minutes": row.minutes,
        "rating": row.rating,
        "genre": row.genre,
        "description": row.description,
        "poster_seed": row.poster_seed,
        "created_at": instant(row.created_at),
    }
