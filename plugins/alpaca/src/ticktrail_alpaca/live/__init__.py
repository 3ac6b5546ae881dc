"""A leg's live session: its connection, what it is asked for, and what was missed before it."""
