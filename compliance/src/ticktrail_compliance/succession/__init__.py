"""Begin a log in place of one that was lost, so that the two can be told to belong together."""
