"""Which seats to give somebody who leaves the choice to us. Pure.

Side by side first, then near the best place in the house: the middle, two thirds back. Of choices
about as good the one that leaves no single seat alone is taken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from app.booking.errors import BookingConflict, Reason
from app.booking.seat_plan import Seat, SeatPlan
from app.booking.strays import strays_beside
from app.tables.booking import SeatKind

#: A row counts as so many seats sideways: seats further back are further away than they look on a plan.
ROW_WEIGHT = 2.0
#: As bad as being so much further from the best place.
STRAY_COSTS = 1.5
#: So many of the nearest choices are compared by what they leave behind.
COMPARED = 12


@dataclass(frozen=True)
class SeatWish:
    """How many seats, where, together or not, and whether one must take a wheelchair."""

    count: int
    zone: str | None = None
    together: bool = True
    accessible: bool = False


def best_choice(plan: SeatPlan, taken: Set[int], wish: SeatWish) -> tuple[int, ...] | None:
    """The ids of the best free seats for the wish, ascending; None when there are none."""
    together = _best_block(plan, taken, wish)
    if together is not None or wish.together:
        return together
    return _nearest(plan, taken, wish)


def why_none(plan: SeatPlan, taken: Set[int], on_hold: int, wish: SeatWish) -> BookingConflict:
    """The refusal when best_choice found nothing."""
    left = sum(seat.id not in taken for seat in plan.seats if _is_meant(seat, wish))
    where = f" in {wish.zone}" if wish.zone else ""
    back = f" {on_hold} are on hold and may come back within minutes." if on_hold else ""
    extras = {"free_seats": left, "on_hold": on_hold or None}
    if wish.accessible and not _has_space(plan, taken, wish):
        detail = f"No space for a wheelchair is left{where}.{back}"
        return BookingConflict(detail, reason=Reason.SOLD_OUT.value, **extras)
    if left == 0:
        return BookingConflict(f"No seat is left{where}.{back}", reason=Reason.SOLD_OUT.value, **extras)
    if left < wish.count:
        are_left = "Only 1 seat is left" if left == 1 else f"Only {left} seats are left"
        return BookingConflict(f"{are_left}{where}.{back}", reason=Reason.SOLD_OUT.value, **extras)
    detail = f"No {wish.count} seats that fit together are left{where}, but {left} apart are.{back}"
    return BookingConflict(detail, reason=Reason.NOT_TOGETHER.value, **extras)


def _best_block(plan: SeatPlan, taken: Set[int], wish: SeatWish) -> tuple[int, ...] | None:
    free = (block for block in _blocks(plan, wish) if taken.isdisjoint(block[1]))
    compared = list(islice(free, COMPARED))
    if not compared:
        return None
    _, best = min(
        compared,
        key=lambda block: block[0] + STRAY_COSTS * len(strays_beside(plan, block[1], taken)),
    )
    return tuple(sorted(best))


def _nearest(plan: SeatPlan, taken: Set[int], wish: SeatWish) -> tuple[int, ...] | None:
    """The best free seat and those nearest to it."""
    free = [seat for seat in plan.seats if seat.id not in taken and _is_meant(seat, wish)]
    anchors = [seat for seat in free if not wish.accessible or seat.kind is SeatKind.WHEELCHAIR]
    if not anchors:
        return None
    anchor = min(anchors, key=lambda seat: _distance(plan, [seat]))
    others = [seat for seat in free if seat is not anchor and seat.kind is not SeatKind.WHEELCHAIR]
    others.sort(key=lambda seat: abs(seat.x - anchor.x) + ROW_WEIGHT * abs(seat.y - anchor.y))
    if len(others) < wish.count - 1:
        return None
    return tuple(sorted(seat.id for seat in [anchor, *others[: wish.count - 1]]))


@lru_cache(maxsize=128)
def _blocks(plan: SeatPlan, wish: SeatWish) -> tuple[tuple[float, tuple[int, ...]], ...]:
    """Every block of seats that would do for the wish and how far it is, the best first, taken or not."""
    scored = [(_distance(plan, seats), tuple(seat.id for seat in seats)) for seats in _windows(plan, wish)]
    return tuple(sorted(scored))


def _windows(plan: SeatPlan, wish: SeatWish) -> Iterator[Sequence[Seat]]:
    for block in plan.blocks:
        for begin in range(len(block) - wish.count + 1):
            seats = block[begin : begin + wish.count]
            if all(_is_meant(seat, wish) for seat in seats) and _suits(seats, wish):
                yield seats


def _suits(seats: Sequence[Seat], wish: SeatWish) -> bool:
    """One space per wheelchair: the others of the group sit on seats."""
    spaces = sum(seat.kind is SeatKind.WHEELCHAIR for seat in seats)
    return spaces == 1 if wish.accessible else spaces == 0


def _is_meant(seat: Seat, wish: SeatWish) -> bool:
    """Spaces for wheelchairs and the seats beside them are not given to those who did not ask."""
    is_allowed = wish.accessible or seat.kind is SeatKind.STANDARD
    return is_allowed and wish.zone in (None, seat.zone)


def _has_space(plan: SeatPlan, taken: Set[int], wish: SeatWish) -> bool:
    spaces = (seat for seat in plan.seats if seat.kind is SeatKind.WHEELCHAIR and _is_meant(seat, wish))
    return any(seat.id not in taken for seat in spaces)


def _distance(plan: SeatPlan, seats: Sequence[Seat]) -> float:
    """How far the middle of these seats is from the best place, in seats."""
    best_x, best_y = _best_place(plan)
    x = sum(seat.x for seat in seats) / len(seats)
    y = sum(seat.y for seat in seats) / len(seats)
    return abs(x - best_x) + ROW_WEIGHT * abs(y - best_y)


@lru_cache(maxsize=64)
def _best_place(plan: SeatPlan) -> tuple[float, float]:
    xs, ys = [seat.x for seat in plan.seats], [seat.y for seat in plan.seats]
    return (min(xs) + max(xs)) / 2, min(ys) + (max(ys) - min(ys)) * 2 / 3
