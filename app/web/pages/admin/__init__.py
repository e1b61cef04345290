"""The administration: doctors, hours, slots, users, bookings, rules; the cinema's movies, halls, showtimes.

Every change goes through the actions of the directory, the accounts and the bookings; what would be made is
shown before it is made."""
