"""The administration: doctors, their hours, slots, users, bookings, the clinic's rules.

Every change goes through the actions of the directory, the accounts and the bookings."""
