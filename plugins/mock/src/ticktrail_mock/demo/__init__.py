"""The demonstration: a production-shaped feed against a venue that goes wrong, and whether it keeps its promises."""
