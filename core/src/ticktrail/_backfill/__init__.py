"""Fetch the past of a feed's instruments into its sinks, and keep the place."""
