"""Oversee who serves the firm: venues, clouds and plugins, by what the log says of them."""
