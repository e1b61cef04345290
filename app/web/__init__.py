"""How people and programs reach the product: the API, the pages, the event stream.

No SQL and no decisions about slots."""
