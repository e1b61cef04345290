"""Hand-made histories in the words of the API: who asked what when, and what they were told."""

from loadtest.history import Entry, Outcome

TTL = 10.0


class Storyteller:
    """Writes entries with moments given by the story; one slot unless told otherwise."""

    def __init__(self, slot="17"):
        self.slot = slot
        self.entries = []

    def tell(self, f, start, end, out="ok", **more):
        entry = Entry(
            op=f"op-{len(self.entries) + 1}",
            client=more.pop("client", "anna"),
            f=f,
            t_inv=start,
            t_ret=end,
            out=Outcome(out),
            slot=more.pop("slot", self.slot),
            **more,
        )
        self.entries.append(entry)
        return entry

    def granted(self, f, start, end, booking, **more):
        return self.tell(f, start, end, "ok", booking=booking, **more)

    def refused(self, f, start, end, booking=None, code="BOOKING_CONFLICT", **more):
        return self.tell(f, start, end, "fail", booking=booking, code=code, **more)

    def unanswered(self, f, start, booking=None, **more):
        return self.tell(f, start, None, "info", booking=booking, **more)
