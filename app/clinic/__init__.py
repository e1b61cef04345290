"""The clinic's own rules: what an administrator decides once and everybody lives by.

Values and how they are kept; whoever applies a rule reads it in the transaction that applies it."""
