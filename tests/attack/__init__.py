"""The attack table, row by row, against the running three-node stack: `make attack`.

Nothing here is imported by the product; every row says what it did and what came of it."""
