"""The pages of accounts: getting in, getting out, and what is one's own.

One login for everybody; what a person may do then is decided by their role, not by where they came from."""
