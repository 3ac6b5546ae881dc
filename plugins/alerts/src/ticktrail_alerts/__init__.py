"""Tell people what a feed cannot mend by itself."""
