"""Say what a feed file's ``[dashboard]`` table holds.

Owns: the keys, their defaults and their bounds.
Never: opens anything.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ticktrail.plugin import Secret, Settings

__all__ = ["DashboardSettings", "Part"]

Part: TypeAlias = Literal["pages", "metrics", "health"]


class DashboardSettings(Settings, frozen=True):
    """The ``[dashboard]`` table: where the feed is watched, and by whom.

    What does not depend on the machine is judged when the feed file is read.

    Raises:
        ValueError: The address is none; it can be reached from other machines and there is no `token`, or no HTTPS; or
            one of `certificate` and `certificate_key` stands alone.
    """

    address: str = "127.0.0.1:8787"
    """Host and port; port 0 takes a free one. What is not loopback needs `token`, and HTTPS or `plain_text`."""
    token: Secret | None = None
    """What everybody who asks must show, as ``Authorization: Bearer …``, or once in a browser."""
    hosts: tuple[str, ...] = ()
    """Names by which the address may be asked for beside its own, such as that of a proxy before it."""
    parts: Annotated[tuple[Part, ...], Meta(min_length=1)] = ("pages", "metrics", "health")
    """What is served."""
    certificate: str | None = None
    """PEM file of the server's certificate and chain; with it `certificate_key`, and HTTPS."""
    certificate_key: str | None = None
    """PEM file of the certificate's private key."""
    plain_text: bool = False
    """Serve an address that is not loopback without HTTPS, because a proxy before it has that."""
    most_pages: Annotated[int, Meta(ge=1, le=1_000)] = 50
    """Pages that are told of changes at the same time; one more is refused."""
    fresh_s: Annotated[float, Meta(gt=0, le=86_400)] = 30.0
    """An instrument of which nothing was delivered for longer is not fresh, for ``/readyz`` and the table."""

    def __post_init__(self) -> None:
        from ticktrail_dashboard.web.address import judge  # noqa: PLC0415 - it takes this class as an argument

        judge(self)
