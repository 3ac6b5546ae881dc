"""Keep the data keys of a log: list them, wrap them by another key, destroy those of a month."""
