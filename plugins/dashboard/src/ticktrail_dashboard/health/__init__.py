"""Answer machines that ask whether a feed lives, and whether it is ready."""

from ticktrail_dashboard.health.answers import Answer, Health, readiness

__all__ = ["Answer", "Health", "readiness"]
