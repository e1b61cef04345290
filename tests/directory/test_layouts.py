"""Hall layouts as data (A26, A28)."""

import pytest

from app.directory.layouts import HallRow, Layout, Zone, check_layout, seats_of, summary
from app.errors import ValidationFailed
from app.tables import SeatKind
from tests.cinema import SMALL


def test_seats_are_numbered_by_row_and_gaps_take_room_but_no_number() -> None:
    seats = seats_of(SMALL)

    assert [(seat.row, seat.number, seat.y, seat.x) for seat in seats[4:]] == [
        ("B", 1, 2, 1),
        ("B", 2, 2, 2),
        ("B", 3, 2, 4),
        ("B", 4, 2, 5),
        ("B", 5, 2, 6),
    ]


def test_every_seat_has_the_price_of_its_zone_and_its_own_kind() -> None:
    seats = seats_of(SMALL)

    assert {seat.zone: seat.price_cents for seat in seats} == {"Front": 900, "Back": 1250}
    assert [seat.kind for seat in seats[:3]] == [
        SeatKind.WHEELCHAIR,
        SeatKind.COMPANION,
        SeatKind.STANDARD,
    ]


def test_a_layout_comes_back_as_it_was_stored_with_the_same_version() -> None:
    again = Layout.of(SMALL.document())

    assert again == SMALL
    assert again.version == SMALL.version


def test_a_dearer_zone_is_another_version() -> None:
    dearer = Layout((SMALL.zones[0], Zone("Back", 1300)), SMALL.rows)

    assert dearer.version != SMALL.version


def test_the_summary_counts_seats_kinds_and_zones() -> None:
    found = summary(SMALL)

    assert (found["seats"], found["rows"]) == (9, 2)
    assert found["kinds"] == {"standard": 7, "wheelchair": 1, "companion": 1}
    assert [zone["seats"] for zone in found["zones"]] == [4, 5]


@pytest.mark.parametrize(
    ("layout", "field"),
    [
        (Layout((), (HallRow("A", "Front", "##"),)), "layout.rows[0].zone"),
        (Layout((Zone("Z", 1), Zone("Z", 2)), (HallRow("A", "Z", "#"),)), "layout.zones"),
        (Layout((Zone("Z", 1),), ()), "layout.rows"),
        (Layout((Zone("Z", 1),), (HallRow("A", "Z", "#"), HallRow("A", "Z", "#"))), "layout.rows"),
        (Layout((Zone("Z", 1),), (HallRow("A", "Z", "#?"),)), "layout.rows[0].seats"),
        (Layout((Zone("Z", 1),), (HallRow("A", "Z", "___"),)), "layout.rows[0].seats"),
        (Layout((Zone("Z", 1),), (HallRow("A", "Z", "#" * 81),)), "layout.rows[0].seats"),
        (Layout((Zone("Z", 1),), tuple(HallRow(f"R{n}", "Z", "#" * 80) for n in range(40))), "layout.rows"),
    ],
)
def test_a_layout_that_cannot_be_built_is_refused_by_the_field(layout: Layout, field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        check_layout(layout)

    assert field in {error["field"] for error in caught.value.extras["errors"]}
