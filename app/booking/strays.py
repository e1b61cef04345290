"""Single seats left between others: a warning to whoever is about to leave one, never a refusal. Pure."""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import Any

from app.booking.seat_plan import Seat, SeatPlan
from app.tables.booking import SeatKind


def strays_beside(plan: SeatPlan, chosen: Collection[int], taken: Set[int]) -> list[Seat]:
    """The free seats that were beside another free one and are alone once chosen is gone too.

    taken need not hold what is chosen. A space for a wheelchair is meant to stand alone."""
    wanted = set(chosen)
    near = {seat.id: seat for slot_id in wanted for seat in plan.beside[slot_id]}
    left = (seat for seat in near.values() if seat.id not in wanted and seat.id not in taken)
    strays = [
        seat
        for seat in left
        if seat.kind is not SeatKind.WHEELCHAIR
        and all(other.id in wanted or other.id in taken for other in plan.beside[seat.id])
    ]
    return sorted(strays, key=lambda seat: (seat.y, seat.x))


def warnings(plan: SeatPlan, chosen: Collection[int], taken: Set[int]) -> list[dict[str, Any]]:
    """What to tell about the seats that would be left alone."""
    return [
        {
            "code": "STRAY_SEAT",
            "id": str(seat.id),
            "row": seat.row,
            "number": seat.number,
            "message": f"Seat {seat.label} would be left alone between taken seats.",
        }
        for seat in strays_beside(plan, chosen, taken)
    ]
