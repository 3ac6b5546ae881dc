"""A kind of route for ticktrail."""
