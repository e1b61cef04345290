"""python -m loadtest.bench.scale: how the hot statements fare as the tables grow, in a database of its own.

What is booked stays the same ten thousand times to come; what grows is the past behind them."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from loadtest.bench.filling import Filling
from loadtest.bench.hot_statements import curves_at
from loadtest.bench.scale_file import FILE, STATS, Scale, keep
from loadtest.bench.stack import ROOT
from loadtest.report import table
from worker.stack.accounts import account_for_servers
from worker.stack.ports import pick_free_port
from worker.stack.postgres import PostgresServer
from worker.stack.postgres_programs import find_postgres
from worker.stack.process import Child

SIZES = (10_000, 1_000_000, 10_000_000)
#: As large as the default of most packages leaves it; more would hide what growth costs.
_SETTINGS = "SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET jit = off"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtest.bench.scale", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="slots, ascending")
    sizes = parser.parse_args(arguments).sizes
    began = time.monotonic()
    rates: dict[str, dict[int, float]] = {}
    folder = FILE.parent.resolve() / "scale"
    with running_database(folder) as url, psycopg.connect(url, autocommit=True) as database:
        database.execute(_SETTINGS.encode())
        filling = Filling(database)
        for size in sizes:
            filling.fill_to(size)
            print(f"{size:,} slots after {time.monotonic() - began:.0f} s, {filling.gigabytes():.1f} GB")
            for name, rate in curves_at(database).items():
                rates.setdefault(name, {})[size] = rate
    found = Scale(rates, 1000 / rates[STATS][sizes[-1]], time.time())
    keep(found)
    print("\n" + shown(found))
    print(f"\n{time.monotonic() - began:.0f} s in all; kept in {FILE} for make bench; the data is removed")
    return 0


def shown(found: Scale) -> str:
    """Rates of one client as shares of SELECT 1, and what the largest has lost against the smallest."""
    sizes = sorted(next(iter(found.rates.values())))
    rows = [
        [name, *(_told(name, rate[size]) for size in sizes), f"{rate[sizes[-1]] / rate[sizes[0]] - 1:+.0%}"]
        for name, rate in found.rates.items()
    ]
    return table(["share of SELECT 1, one client", *(f"{size:,}" for size in sizes), "change"], rows)


def _told(name: str, rate: float) -> str:
    return f"{1000 / rate:.1f} ms" if name == STATS else f"{rate:.0%}"


@contextmanager
def running_database(folder: Path) -> Iterator[str]:
    """A PostgreSQL with the product's tables; gone afterwards, with everything in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    account = account_for_servers()
    server = PostgresServer(
        find_postgres(account), folder, pick_free_port(), folder / "postgres.log", account
    )
    server.prepare()
    child = Child(server.program())
    try:
        server.wait_ready(child, time.sleep)
        url = server.create_database("scale")
        environment = {**os.environ, "DATABASE_URL": url, "APP_ENV": "test"}
        subprocess.run([sys.executable, "-m", "app.migrate"], cwd=ROOT, env=environment, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        yield url
    finally:
        child.stop()
        shutil.rmtree(server.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
