"""Say by what a leg's data is carried.

Owns: the event of a connection that was opened.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from typing import Literal

from ticktrail.events._base import BaseEvent
from ticktrail.model import ProviderId

__all__ = ["ConnectionOpened"]


class ConnectionOpened(BaseEvent, frozen=True, tag="connection_opened"):
    """A leg is connected to its venue, and this is what protects what flows there.

    `tls` is the protocol's version as agreed (``TLSv1.3``) and `cipher` the suite; both are None where the connection
    is plain text, which only `loopback` excuses: host and port are on this machine. A web socket is told of each time
    it is opened, requests (``rest``) the first time and whenever one is carried in another way.
    """

    provider: ProviderId
    kind: Literal["websocket", "rest"]
    host: str
    port: int
    loopback: bool
    tls: str | None
    cipher: str | None
