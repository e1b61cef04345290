"""Notices that every node may write, also while the database is away: a delay, a room that moved.

The last write wins per field; what lost is kept. Never slots or bookings: BoardKind is all there may be."""
