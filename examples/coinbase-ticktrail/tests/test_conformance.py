"""Run the laws of ticktrail's kit; put what only this plugin promises beside them, in files of their own."""

from coinbase_ticktrail.conformance import *  # noqa: F403
