"""Measure this machine's clock against time servers, on a schedule, never a tick at a time."""
