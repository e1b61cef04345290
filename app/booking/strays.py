"""Single seats left between others: a warning to whoever is about to leave one, never a refusal. Pure."""

from __future__ import annotations

from collections.abc import Collection, Set
from typing import Any

from app.booking.seat_plan import Seat, SeatPlan
from app.tables.booking import SeatKind


def strays_beside(plan: SeatPlan, chosen: Collection[int], taken: Set[int]) -> list[Seat]:
    """The free seats that were beside another free one and are alone once chosen is gone too.

    taken need not hold what is chosen. A space for a wheelchair is meant to stand alone."""
    gone = taken | set(chosen)
    wanted = set(chosen)
    strays = []
    for block in plan.blocks:
        if not any(seat.id in wanted for seat in block):
            continue
        for index, seat in enumerate(block):
            beside = [block[near] for near in (index - 1, index + 1) if 0 <= near < len(block)]
            is_left_alone = seat.id not in gone and all(other.id in gone for other in beside)
            if is_left_alone and seat.kind is not SeatKind.WHEELCHAIR:
                strays += [seat] * any(other.id in wanted for other in beside)
    return strays


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
