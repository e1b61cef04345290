"""The client side: load, races and the checker that judges them.

Speaks HTTP only and imports nothing from app."""
