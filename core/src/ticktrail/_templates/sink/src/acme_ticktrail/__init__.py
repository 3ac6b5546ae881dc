"""A sink for ticktrail."""
