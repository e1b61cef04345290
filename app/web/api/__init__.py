"""One module per resource of the public API.

Requests become typed values here; nothing deeper sees a request."""
