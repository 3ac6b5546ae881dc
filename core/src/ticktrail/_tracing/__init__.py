"""Tell a collector of traces what a feed did, and how long each step of it took."""
