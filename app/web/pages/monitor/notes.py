"""What the operator is told after an order, by the name it has in the address."""

from app.languages.texts import N_

DONE = {
    "elect": N_("An election has begun. Its messages and its winner show below within seconds."),
    "hand-over": N_("The leader has handed over."),
    "algorithm": N_("All nodes elect this way from now on."),
    "ring-audit": N_("A token is on its way round the ring. Each hop's time shows in the ring."),
    "clock-round": N_("Every clock has been asked; the round shows below."),
    "drain": N_("The node gets no new visitors and does not lead."),
    "undrain": N_("The node is back in service."),
    "policy": N_("The policy is chosen; nginx is told within ten seconds."),
    "resync": N_("The copies are being taken anew."),
    "race": N_("The race is over."),
    "notice": N_("Visitors are told from now on; a majority of the nodes has it."),
    "notice-kept": N_("Kept on this node, not yet by a majority; the others get it when they are back."),
}
