"""Run a composed feed: legs, one route, one lane a sink, and the control bus."""
