"""The production cores in a seeded world of bad networks, bad clocks and dying nodes.

Nothing here is random except through the seed: a failing seed replays step by step."""
