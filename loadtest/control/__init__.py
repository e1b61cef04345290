"""The negative control: a small booking server whose guard can be taken away.

With its guard every check must pass, without it every check must fail; it is no part of the product."""
