"""`python -m app.seed`: demo data for development. Run again it adds only the days that came into view."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError

from app.accounts.passwords import Passwords
from app.booking.build import build_engine
from app.booking.engine import Engine
from app.clock import SystemClock
from app.config import Config, ConfigError
from app.coordination.connection import connect_redis
from app.database import Database
from app.demo import calendar, cinema, people
from app.directory.directory import Directory
from app.errors import Unavailable


class SeedRefused(Exception):
    """Demo accounts have a password that everybody knows; production gets none of them."""


def seed(config: Config, say: Callable[[str], None]) -> Counter[str]:
    """Add what is missing of the demo; what was added. Raises SeedRefused in production."""
    if not config.is_development:
        raise SeedRefused(SeedRefused.__doc__)
    database = Database(config.database_url, 2, config.keyring)
    try:
        return _fill(config, demo_engine(config, database), say)
    finally:
        database.dispose()


def demo_engine(config: Config, database: Database) -> Engine:
    """An engine for the demo's bookings."""
    # Nothing is handed to workers: these bookings have no address, and the sweep closes their notices.
    redis, clock = connect_redis(config.redis_url), SystemClock()
    return build_engine(config, database, redis, clock, lambda name, *arguments: None)


def _fill(config: Config, engine: Engine, say: Callable[[str], None]) -> Counter[str]:
    directory = Directory(engine.database, engine.stamper, engine.node_id, engine.publish)
    added: Counter[str] = Counter()
    added["accounts"] = people.add_accounts(engine.database, Passwords(cheap=config.app_env == "test"))
    added["doctors"] = people.add_doctors(directory, config.clinic_timezone)
    added["patients"] = people.add_patients(directory)
    with engine.database.read() as connection:
        doctors = calendar.demo_doctors(connection)
    for doctor in doctors:
        added["slots"] += calendar.add_slots(directory, config, doctor)
        booked, cancelled = calendar.add_bookings(engine, doctor)
        added["bookings"] += booked
        added["of them cancelled"] += cancelled
        if booked:
            say(f"seed: {added['bookings']} appointments with {doctor.number + 1} of {len(doctors)} doctors")
    added += cinema.add_cinema(directory, engine, config.clinic_timezone)
    return added


def main() -> None:
    try:
        added = seed(Config.from_env(os.environ), print)
    except (ConfigError, SeedRefused, Unavailable) as error:
        sys.exit(f"seed: {error}")
    except DBAPIError as error:
        sys.exit(f"seed: {error.orig}; did you run python -m app.migrate?")
    what = ", ".join(f"{count} {name}" for name, count in added.items() if count)
    print(f"seed: added {what}" if what else "seed: the demo data is there")


if __name__ == "__main__":
    main()
