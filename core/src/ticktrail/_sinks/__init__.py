"""The sinks that ticktrail brings: JSON lines, a live table, and memory."""
