"""What programs may say of appointments that repeat."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictInt, model_validator

from app.booking.actions import Scope
from app.booking.recurrence import MOST_EVERY, MOST_TIMES, Frequency, Repeat
from app.web.api.booking_inputs import PatientBody
from app.web.api.fields import Day, Paragraph, ResourceId
from app.web.api.inputs import RequestModel

USUAL_COUNT = 5


class RepeatBody(RequestModel):
    """Every so many days, weeks or months, by the clinic's wall clock; count or until, the first counted.

    take is all (or nothing) or free: what is free, with a report of the rest."""

    frequency: Frequency
    every: StrictInt = Field(1, ge=1, le=MOST_EVERY)
    count: StrictInt | None = Field(None, ge=2, le=MOST_TIMES)
    until: Day | None = None
    take: Literal["all", "free"] = "all"

    @model_validator(mode="after")
    def _end_in_one_way(self) -> RepeatBody:
        if (self.count is None) == (self.until is None):
            raise ValueError("give either count or until")
        return self

    def repeat(self) -> Repeat:
        return Repeat(self.frequency, self.every, self.count, self.until)


class SeriesBody(RepeatBody, PatientBody):
    """A free time to begin with, and who comes."""

    slot_id: ResourceId


class RepeatQuery(RequestModel):
    """The same for a look at the times; without an end, the next four."""

    frequency: Frequency = Frequency.WEEKLY
    every: int = Field(1, ge=1, le=MOST_EVERY)
    count: int | None = Field(None, ge=2, le=MOST_TIMES)
    until: Day | None = None

    def repeat(self) -> Repeat:
        count = self.count if self.count or self.until else USUAL_COUNT
        return Repeat(self.frequency, self.every, count, self.until)


class SeriesPart(RequestModel):
    """This time and the following ones, or all that are to come. One alone is changed as any booking."""

    scope: Literal["following", "all"]

    @property
    def part(self) -> Scope:
        return Scope(self.scope)


class SeriesCancelBody(SeriesPart):
    reason: Paragraph | None = None


class SeriesMoveBody(SeriesPart):
    """Where this time goes; the others go by as many days to the same wall-clock time."""

    slot_id: ResourceId
