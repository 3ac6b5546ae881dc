"""Look at what is, and not at what was meant to be: each safeguard, by its own evidence."""
