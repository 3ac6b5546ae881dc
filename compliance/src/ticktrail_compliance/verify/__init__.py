"""Tell whether a log is as it was sealed: its chain and tree, what it holds, and what its anchors know of it."""
