"""Search the audit log: which entries hold something, and what became of one tick."""
