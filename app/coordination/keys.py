"""Every Redis key and channel of the product, in one table."""

#: Published to after each commit that changes a slot; a doorbell that may be lost.
EVENTS_CHANNEL = "oneslot:events"
#: The lease of the leader: "node|epoch", with a time to live.
LEADER_LEASE = "oneslot:leader"


def slot_hold(slot_id: int) -> str:
    """Who may try to claim the slot: "owner|fence", with a time to live."""
    return f"oneslot:{{slot:{slot_id}}}:hold"


def slot_fence(slot_id: int) -> str:
    """The last fence given for the slot; only grows, and is raised to the database's after a loss."""
    return f"oneslot:{{slot:{slot_id}}}:fence"


def rate(caller: str) -> str:
    """Up to when this caller has used up what is allowed."""
    return f"oneslot:rate:{caller}"


def node_heartbeat(node_id: str) -> str:
    """What a node says of itself with each heartbeat; gone when it is silent for five seconds."""
    return f"oneslot:node:{node_id}"


#: Every node that beat lately, by the time of its last beat on Redis's clock.
NODES = "oneslot:nodes"


def mailbox(process: str) -> str:
    """The letters for a node, or the replies for one process."""
    return f"oneslot:mailbox:{process}"


#: How far each stream of changes goes in Redis: name -> last number published.
BUS_HEADS = "oneslot:bus:heads"
#: Rung when something was published, with how far streams go now and their latest changes; may be lost.
BUS_CHANNEL = "oneslot:bus"


def bus_stream(name: str) -> str:
    """The committed changes of one stream, each under its own number."""
    return f"oneslot:bus:{name}"
