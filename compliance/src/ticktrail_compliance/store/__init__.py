"""Keep an audit log in a database: entries, their tree, its checkpoints, and apart from them the data keys."""
