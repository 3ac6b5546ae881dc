"""What a feed is meant to reach, what it reached, and the entries of its log that prove it."""
