"""The companion process of one node: drives the algorithms over signed calls, and does the leader's work.

A small frame (frame.py, loop.py) into which duties plug; build.py lists them. One thread, the loop's, owns
all state; whatever may block runs in a Background and comes back to the loop. So no duty needs a lock.

A new duty is a module here and a line in build.py:

    class Gossip(Duty):
        name, every_seconds = "gossip", 10.0

        def __init__(self, frame: Frame, members: Membership) -> None:
            frame.methods.expose("gossip.digest", DigestRequest, self.answer_digest)   # what peers may call
            self._background = frame.background("gossip")

        def tick(self, now: float) -> None:                    # in the loop, every_seconds apart
            peer = ...                                         # members.live() names those not dead
            self._background.submit(lambda: self._frame.client.call(peer, "gossip.digest", ...), self._merge)

        def answer_digest(self, request: DigestRequest, caller: Caller) -> Any: ...    # in the loop too

        def document(self, now: float) -> Document: ...        # shown by state.read under "gossip"

Work that only the leader does is a function of the term; each transaction of it begins with
require_term(tx, term):

    LeaderWork(frame, office, "relay", 0.25, relay.run)        # run(term: Term) -> object

It runs in a thread of its own, only while this node leads, never twice at once; Deposed is recorded as
"fenced"."""
