"""Who did what: an append-only record written in the transaction it describes.

Nothing here is ever updated or deleted."""
