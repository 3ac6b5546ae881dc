"""A leg's live session: its connections, what they are asked for, and the errands that they give rise to."""
