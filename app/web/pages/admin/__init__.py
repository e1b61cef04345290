"""The pages on which an admin makes movies, halls and showtimes: type, look at what it makes, make it.

They stand on the same functions of the directory as the API; nothing is made without having been shown."""
