"""Where the key comes from that wraps all others: a local one, or one that never leaves a key service."""
