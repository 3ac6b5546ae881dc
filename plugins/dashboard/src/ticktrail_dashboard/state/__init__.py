"""Know: what a page is told of a feed, out of records and of how the feed stands."""
