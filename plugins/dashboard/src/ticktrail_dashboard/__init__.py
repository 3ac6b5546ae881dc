"""Watch a feed: pages for people, metrics and health for machines, served from the feed's own process."""
