"""Calls to addresses that people typed: only where it is safe, signed, bounded in time and size.

Knows nothing of bookings; whoever lets people name a URL calls it through here and in no other way."""
