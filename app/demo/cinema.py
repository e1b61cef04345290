"""What is on in the demo: two halls, four movies, showtimes for the days ahead, some seats sold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from zlib import crc32
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from app.booking.actions import SYSTEM, BestClaim, PatientDetails, SeatWish, hold_best
from app.booking.engine import Engine
from app.booking.errors import BookingConflict
from app.demo.people import PATIENTS, SEED
from app.directory.directory import Directory
from app.directory.halls import HallDraft, create_hall
from app.directory.layouts import HallRow, Layout, Zone
from app.directory.movies import MovieDraft, create_movie
from app.directory.placing import read_now
from app.directory.program import Program, daily
from app.directory.scheduling import create_showtimes, preview_showtimes
from app.directory.wall_time import local_day
from app.tables import Hall, Movie

DAYS_AHEAD = 4
HOUSE = "Lantern Cinema"
GROUPS_PER_SHOWTIME = 4


def _rows(zone: str, drawn: str, labels: str) -> tuple[HallRow, ...]:
    return tuple(HallRow(label, zone, drawn) for label in labels)


HALLS = {
    "Great Hall": Layout(
        (Zone("Front", 900), Zone("Stalls", 1250), Zone("Balcony", 1600)),
        (
            HallRow("A", "Front", "_wc_########_cw_"),
            HallRow("B", "Front", "__############__"),
            *_rows("Stalls", "##_##########_##", "CDEFGHI"),
            *_rows("Balcony", "_##_########_##_", "KLM"),
        ),
    ),
    "Studio": Layout(
        (Zone("Studio", 1050),),
        (HallRow("A", "Studio", "wc_######"), *_rows("Studio", "##_######", "BCDEFG")),
    ),
}
MOVIES = (
    MovieDraft("The Long Way Home", 124, "PG", "Drama",
               "Two sisters drive a borrowed ice-cream van across a continent to bring their father a cake. "
               "Nothing arrives as it left.", 20),
    MovieDraft("Night Bus to Tromsø", 98, "12", "Thriller",
               "Eleven passengers, one snowstorm, and a suitcase that none of them remembers packing.", 41),
    MovieDraft("Paper Moons", 87, "G", "Family",
               "Every evening a girl folds a moon for her grandfather; then one does not come down.", 15),
    MovieDraft("A Small Republic", 143, "PG", "Comedy",
               "Over a broken lift a house declares independence, and discovers foreign policy.", 26),
)  # fmt: skip
#: Which movie, in which hall, at which minutes of each day.
PROGRAM = (
    ("The Long Way Home", "Great Hall", (17 * 60, 20 * 60 + 15)),
    ("Night Bus to Tromsø", "Studio", (19 * 60, 21 * 60 + 30)),
    ("Paper Moons", "Studio", (15 * 60, 17 * 60)),
    ("A Small Republic", "Great Hall", (14 * 60,)),
)


def add_cinema(directory: Directory, engine: Engine, zone: str) -> Counter[str]:
    """What is missing; how many of each."""
    added: Counter[str] = Counter()
    added["halls"] = _add_halls(directory, zone)
    added["movies"] = _add_movies(directory)
    with directory.database.read() as connection:
        today = local_day(read_now(connection), ZoneInfo(zone))
        halls, movies = _halls(connection), _movies(connection)
    for title, hall, minutes in PROGRAM:
        if title in movies and hall in halls:
            program = Program(movies[title], halls[hall], daily(today, DAYS_AHEAD + 1, minutes))
            made = _add_showtimes(directory, program)
            added["showtimes"] += len(made)
            added["groups with seats"] += sum(_sell(engine, showtime_id) for showtime_id in made)
    return added


def _add_halls(directory: Directory, zone: str) -> int:
    with directory.database.read() as connection:
        known = _halls(connection)
    missing = [name for name in HALLS if name not in known]
    for name in missing:
        create_hall(directory, HallDraft(name, HOUSE, zone, "EUR", HALLS[name]), SEED)
    return len(missing)


def _add_movies(directory: Directory) -> int:
    with directory.database.read() as connection:
        known = _movies(connection)
    missing = [draft for draft in MOVIES if draft.title not in known]
    for draft in missing:
        create_movie(directory, draft, SEED)
    return len(missing)


def _add_showtimes(directory: Directory, program: Program) -> list[int]:
    """The showtimes that were not there; looked at first, so that a second run writes nothing."""
    with directory.database.read() as connection:
        if not preview_showtimes(connection, program)["created"]:
            return []
    made = create_showtimes(directory, program, SEED).value["showtimes"]
    return [int(showtime["id"]) for showtime in made]


def _sell(engine: Engine, showtime_id: int) -> int:
    """Some seats of a new showtime: the same whenever it is made anew."""
    sold = 0
    for number in range(GROUPS_PER_SHOWTIME):
        lot = crc32(f"{showtime_id}/{number}".encode())
        patient = PATIENTS[lot % len(PATIENTS)]
        # No address: nobody wants a mail about seats they never booked.
        details = PatientDetails(patient.name, None, patient.phone)
        claim = BestClaim(showtime_id, SeatWish(1 + lot // 16 % 4), details, instant=True)
        try:
            hold_best(engine, claim, SYSTEM)
        except BookingConflict:
            continue
        sold += 1
    return sold


def _halls(connection: Connection) -> Mapping[str, int]:
    rows = connection.execute(select(Hall.name, Hall.id).where(Hall.place == HOUSE))
    return {row.name: row.id for row in rows}


def _movies(connection: Connection) -> Mapping[str, int]:
    return {row.title: row.id for row in connection.execute(select(Movie.title, Movie.id))}
