"""The languages people read us in, and texts, days and sums in the one that is meant now.

English stands in the code; `catalogues/` holds the others. Nothing of ours may be imported here."""
