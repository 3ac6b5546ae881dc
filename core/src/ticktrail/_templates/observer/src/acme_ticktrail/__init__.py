"""An observer for ticktrail."""
