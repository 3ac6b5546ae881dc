"""A leg's live session: its connection, what it is subscribed to, and the watch over it."""
