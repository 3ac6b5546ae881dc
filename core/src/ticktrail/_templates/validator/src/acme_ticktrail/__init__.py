"""A rule for ticktrail."""
