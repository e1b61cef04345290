"""What `make bench-scale` found, kept for the next `make bench`."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

#: Judged by its own time; and by nothing: it touches rows all over the table, and what memory does not hold
#: is slower whatever the index.
STATS, ANYWHERE = "all bookings by status, p99", "claim, anywhere in the table"
FILE = Path(os.environ.get("ONESLOT_VAR", "var")) / "bench" / "scale.json"


@dataclass(frozen=True)
class Scale:
    """Rates by statement and number of slots, as shares of SELECT 1; and the p99 of counting all bookings."""

    rates: dict[str, dict[int, float]]
    stats_ms: float
    at: float

    @property
    def largest(self) -> int:
        return max(size for sizes in self.rates.values() for size in sizes)

    @property
    def worst_change(self) -> float:
        """Of the statement that suffers most: -0.1 is a tenth slower than with the fewest slots."""
        hot = [sizes for name, sizes in self.rates.items() if name not in (STATS, ANYWHERE)]
        return min(sizes[max(sizes)] / sizes[min(sizes)] - 1 for sizes in hot)

    @property
    def age(self) -> str:
        return f"{(time.time() - self.at) / 3600:.0f} h old"


def keep(found: Scale, file: Path = FILE) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(found), indent=2) + "\n")


def last_scale(file: Path = FILE) -> Scale | None:
    """None when it never ran here."""
    if not file.exists():
        return None
    told = json.loads(file.read_text())
    rates = {name: {int(size): rate for size, rate in sizes.items()} for name, sizes in told["rates"].items()}
    return Scale(rates, told["stats_ms"], told["at"])
