"""The system monitor: one module per tab, the orders, the drawings. What it shows is public, orders are not.

No patient data: what is read here are nodes, clocks, messages, counts and slot ids."""
