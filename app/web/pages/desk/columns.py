"""The board of a day: one column per doctor, cards in rows of five minutes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.languages.texts import N_, _
from app.web.pages.visits import status_words
from app.web.pages.wording import clock_time, instant

Document = Mapping[str, Any]
MINUTES_PER_ROW = 5
HOUR_ROWS = 60 // MINUTES_PER_ROW
#: What the card says the state is; colour alone says nothing.
TAGS = {
    "CONFIRMED": ("booked", N_("Booked")),
    "ARRIVED": ("arrived", N_("Arrived")),
    "IN_ROOM": ("room", N_("In room")),
    "COMPLETED": ("done", N_("Done")),
    "NO_SHOW": ("missed", N_("No-show")),
    "PENDING": ("held", N_("On hold")),
}


def tag_of(status: str) -> tuple[str, str]:
    """The kind of a card in this state, and what it is called."""
    kind, words = TAGS.get(status, ("ended", ""))
    return kind, _(words) if words else status_words(status).capitalize()


@dataclass(frozen=True)
class Frame:
    """The hours the board shows, from a full hour to a full hour."""

    opens_at: datetime
    rows: int
    zone: ZoneInfo

    def row_of(self, moment: datetime) -> int:
        """The first row is 1; what lies outside stands at the edge."""
        minutes = (moment - self.opens_at).total_seconds() / 60
        return min(max(int(minutes // MINUTES_PER_ROW) + 1, 1), self.rows)

    @property
    def hours(self) -> list[tuple[int, str]]:
        """The row and the words of every full hour."""
        moments = [self.opens_at + timedelta(hours=ahead) for ahead in range(self.rows // HOUR_ROWS)]
        return [(number * HOUR_ROWS + 1, clock_time(each, self.zone)) for number, each in enumerate(moments)]


@dataclass(frozen=True)
class Card:
    """One slot as the board shows it."""

    slot_id: str
    version: int
    kind: str
    row: int
    rows: int
    lane: int
    lanes: int
    time: str
    until: str
    tag: str
    name: str = ""
    note: str = ""
    booking_id: str | None = None
    status: str | None = None
    #: When a hold ends, or since when somebody waits; the script counts.
    hold_until: str | None = None
    since: str | None = None

    @property
    def can_move(self) -> bool:
        return self.status == "CONFIRMED"

    @property
    def label(self) -> str:
        """What a screen reader says, in the order one asks."""
        when = _("%(start)s to %(end)s", start=self.time, end=self.until)
        extra = _("overbooked") if self.lane else ""
        return ", ".join(filter(None, (when, self.name, self.tag.lower(), extra)))


@dataclass(frozen=True)
class Band:
    """A stretch of the column that is closed."""

    closure_id: str
    row: int
    rows: int
    words: str


@dataclass(frozen=True)
class Column:
    """One doctor's day."""

    doctor: Document
    cards: tuple[Card, ...]
    bands: tuple[Band, ...]

    @property
    def lanes(self) -> int:
        return max((card.lanes for card in self.cards), default=1)

    @property
    def booked(self) -> int:
        return sum(card.status not in (None, "PENDING") for card in self.cards)

    @property
    def free(self) -> int:
        return sum(card.kind == "free" for card in self.cards)


def frame_of(
    slots: Iterable[Document], begin: datetime, zone: ZoneInfo, start_hour: int, end_hour: int
) -> Frame:
    """The clinic's hours, and longer where somebody works longer."""
    first, last = begin + timedelta(hours=start_hour), begin + timedelta(hours=end_hour)
    for slot in slots:
        first, last = min(first, instant(slot["starts_at"])), max(last, instant(slot["ends_at"]))
    opens_at = begin + (first - begin) // timedelta(hours=1) * timedelta(hours=1)
    hours = -((opens_at - last) // timedelta(hours=1))
    return Frame(opens_at, max(hours, 1) * HOUR_ROWS, zone)


def build_columns(
    doctors: Sequence[Document], slots: Sequence[Document], closures: Sequence[Document], frame: Frame
) -> list[Column]:
    """A column for each doctor, in the order given."""
    return [
        Column(
            doctor,
            _cards([slot for slot in slots if slot["doctor_id"] == doctor["id"]], frame),
            tuple(_band(each, frame) for each in closures if each["doctor_id"] == doctor["id"]),
        )
        for doctor in doctors
    ]


def card_of(slot: Document, frame: Frame, lanes: int = 1) -> Card:
    booking = slot["booking"]
    starts_at, ends_at = instant(slot["starts_at"]), instant(slot["ends_at"])
    row = frame.row_of(starts_at)
    minutes = (ends_at - starts_at).total_seconds() / 60
    place = {
        "slot_id": slot["id"],
        "version": slot["version"],
        "row": row,
        "rows": max(1, min(round(minutes / MINUTES_PER_ROW), frame.rows - row + 1)),
        "lane": slot["lane"],
        "lanes": lanes,
        "time": clock_time(starts_at, frame.zone),
        "until": clock_time(ends_at, frame.zone),
    }
    if booking is None:
        kind, tag = ("gone", _("Not used")) if slot["is_past"] else ("free", _("Free"))
        return Card(kind=kind, tag=tag, **place)
    kind, tag = tag_of(booking["status"])
    return Card(
        kind=kind,
        tag=tag,
        name=_name(slot, booking),
        note=booking["reason"] or "",
        booking_id=booking["id"],
        status=booking["status"],
        hold_until=slot["hold_until"],
        since=booking["arrived_at"] if booking["status"] == "ARRIVED" else None,
        **place,
    )


def _cards(slots: Sequence[Document], frame: Frame) -> tuple[Card, ...]:
    extra = [slot for slot in slots if slot["lane"]]
    return tuple(card_of(slot, frame, _lanes_beside(slot, extra)) for slot in slots)


def _lanes_beside(slot: Document, extra: Sequence[Document]) -> int:
    """How many columns this stretch of the day needs."""
    beside = [other["lane"] for other in extra if _overlap(slot, other)]
    return max(beside, default=0) + 1


def _overlap(one: Document, other: Document) -> bool:
    return bool(one["starts_at"] < other["ends_at"] and other["starts_at"] < one["ends_at"])


def _name(slot: Document, booking: Document) -> str:
    if slot["state"] != "HELD":
        return str(booking["patient_name"])
    return booking["patient_name"] or booking["owner_name"] or _("Somebody on the web")


def _band(closure: Document, frame: Frame) -> Band:
    row = frame.row_of(instant(closure["starts_at"]))
    last = frame.row_of(instant(closure["ends_at"]) - timedelta(seconds=1))
    return Band(closure["id"], row, last - row + 1, closure["reason"])
