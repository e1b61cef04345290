"""The times of a day, and why others are missing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.web.pages.day_list import DayList, TimeState, build_day

BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 12, 3)
MORNING = datetime(2026, 12, 3, 5, tzinfo=UTC)


def slot(number: int, local: str, state: str = "OPEN") -> dict[str, Any]:
    start = datetime.fromisoformat(f"{DAY}T{local}").replace(tzinfo=BERLIN).astimezone(UTC)
    return {
        "id": str(number),
        "version": 1,
        "starts_at": start.isoformat(),
        "ends_at": (start + timedelta(minutes=30)).isoformat(),
        "state": state,
        "is_available": state == "OPEN",
    }


def listed(day: DayList) -> dict[str, list[str]]:
    return {part.name: [time.time for time in part.times] for part in day.parts}


def test_times_stand_under_their_part_of_the_day() -> None:
    slots = [slot(1, "11:30"), slot(2, "12:00"), slot(3, "16:30"), slot(4, "17:00")]

    day = build_day(DAY, slots, BERLIN, MORNING, my_slot_id=None)

    assert listed(day) == {"Morning": ["11:30"], "Afternoon": ["12:00", "16:30"], "Evening": ["17:00"]}


def test_booked_and_past_times_are_counted_and_not_shown() -> None:
    slots = [slot(1, "09:00"), slot(2, "10:00", "BOOKED"), slot(3, "10:30", "HELD"), slot(4, "11:00")]

    day = build_day(DAY, slots, BERLIN, now=datetime(2026, 12, 3, 8, 30, tzinfo=UTC), my_slot_id=None)

    assert [(time.time, time.state) for time in day.parts[0].times] == [
        ("10:30", TimeState.HELD),
        ("11:00", TimeState.FREE),
    ]
    assert day.missing[0] == "1 time is booked."
    assert day.missing[1].startswith("1 time is on hold")
    assert day.missing[2] == "1 time has passed."


def test_my_own_hold_never_hides_the_time_from_me() -> None:
    day = build_day(DAY, [slot(1, "10:00", "HELD")], BERLIN, MORNING, my_slot_id="1")

    assert day.parts[0].times[0].state is TimeState.MINE


def test_the_zone_is_said_for_the_day_itself() -> None:
    july = date(2027, 7, 1)

    assert build_day(july, [], BERLIN, MORNING, None).zone_offset == "CEST, UTC+2"
