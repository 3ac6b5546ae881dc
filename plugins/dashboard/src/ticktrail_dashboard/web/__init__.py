"""Serve: the listener, the connections, who may ask, and what is answered."""
