"""What is told of movies, halls, showtimes and seats."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class MovieDocument(BaseModel):
    id: str
    title: str
    minutes: int
    rating: str
    genre: str
    description: str | None
    poster_seed: int
    created_at: str


class HallDocument(BaseModel):
    """A hall and its layout, with how many seats there are of each kind and in each zone."""

    id: str
    name: str
    place: str
    timezone: str
    currency: str
    layout: dict[str, Any]
    layout_version: str
    seats: int
    rows: int
    kinds: dict[str, int]
    zones: list[dict[str, Any]]
    created_at: str


class ShowtimeDocument(BaseModel):
    id: str
    movie_id: str
    movie: dict[str, Any]
    hall_id: str
    hall: dict[str, Any]
    starts_at: str
    ends_at: str
    show_date: str
    show_time: str
    timezone: str
    currency: str
    seats: int
    free_seats: int
    has_begun: bool


class ProgramDocument(BaseModel):
    """Which showtimes were made, and which were left out and why."""

    count: int
    created: int
    skipped: int
    seats_per_showtime: int
    seats_created: int
    timezone: str
    showtimes: list[dict[str, Any]]
    skipped_showtimes: list[dict[str, str]]


class SeatMapDocument(BaseModel):
    """The seats of a showtime; a sparse one has only those that are not free, by id, state and version."""

    showtime_id: str
    layout_version: str
    is_sparse: bool
    currency: str
    zones: list[dict[str, Any]]
    total: int
    free: int
    seats: list[dict[str, Any]]


#: The answer to a preview, beside the 201 of the real thing.
PREVIEW: dict[int | str, Any] = {
    200: {
        "description": "What would be made; nothing was changed",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}
