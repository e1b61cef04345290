"""One module per page; every page works without JavaScript.

Pages call the same actions as the API."""
