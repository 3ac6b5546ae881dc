"""The ways on which people are told."""

from __future__ import annotations

from ticktrail_alerts.channels.base import Channel, ChannelError
from ticktrail_alerts.channels.opening import open_channel

__all__ = ["Channel", "ChannelError", "open_channel"]
