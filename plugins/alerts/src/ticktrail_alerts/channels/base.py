"""Say what a channel is, and how one fails.

Owns: `Channel` and `ChannelError`.
Never: tries twice; who sends decides that.
"""

from __future__ import annotations

from typing import Protocol

from ticktrail_alerts.message import Message

__all__ = ["Channel", "ChannelError"]


class ChannelError(Exception):
    """A message could not be sent; the text holds no secret.

    Attributes:
        is_refused: The receiver will not take this message, however often it is tried.
        retry_after_s: When the receiver wants to be tried again; None where it did not say.
    """

    def __init__(self, text: str, *, is_refused: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.is_refused = is_refused
        self.retry_after_s = retry_after_s


class Channel(Protocol):
    """One way to tell people. Called by one task at a time, under a deadline."""

    async def send(self, message: Message) -> str:
        """Send a message; returns what was not quite right, empty where nothing was.

        Raises:
            ChannelError: It was not sent, or nobody knows whether it was.
        """
        ...
