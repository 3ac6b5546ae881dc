"""The sealed, encrypted audit log of ticktrail: an observer and command plugin."""
