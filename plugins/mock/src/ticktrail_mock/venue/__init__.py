"""Loopback venues: real servers on this machine that speak a venue's protocol and can be told to misbehave."""
