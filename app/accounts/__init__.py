"""Users, roles, sessions and bearer tokens.

Never sees a request; the web layer hands it plain values."""
