"""Turn a feed file into a composed feed, without opening a socket."""
