"""What the operator is told after an order, by the name it has in the address."""

DONE = {
    "elect": "An election has begun. Its messages and its winner show below within seconds.",
    "hand-over": "The leader has handed over.",
    "algorithm": "All nodes elect this way from now on.",
    "ring-audit": "A token is on its way round the ring. Each hop's time shows in the ring.",
    "clock-round": "Every clock has been asked; the round shows below.",
    "drain": "The node gets no new visitors and does not lead.",
    "undrain": "The node is back in service.",
    "policy": "The policy is chosen; nginx is told within ten seconds.",
    "resync": "The copies are being taken anew.",
    "race": "The race is over.",
    "notice": "Visitors are told from now on; a majority of the nodes has it.",
    "notice-kept": "Kept on this node, not yet by a majority; the others get it when they are back.",
}
