"""Write what happens to a feed as lines: for people, or for machines."""
