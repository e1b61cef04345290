"""The distributed algorithms, as pure decisions on plain values.

Standard library only: no clock, no sleep, no I/O, no global randomness."""
