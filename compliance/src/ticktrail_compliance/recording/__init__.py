"""Write what a feed tells into its audit log, as it runs."""
