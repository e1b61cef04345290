"""How fast the product is, beside a Flask hello in the same shape, measured in turns in one run.

Speaks HTTP and SQL and imports nothing from app."""
