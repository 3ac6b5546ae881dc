"""Hold the table ``[compliance.providers.NAME]`` of a policy file.

Owns: its keys, defaults and bounds.
Never: judges a provider.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from ticktrail.plugin import Settings

__all__ = ["ServiceProvider"]


class ServiceProvider(Settings, frozen=True):
    """Somebody whose service the firm's feeds rest on.

    Attributes:
        kind: What it is.
        legs: The legs of the feed that are its, by their names or by that of their plugin.
        distribution: The distribution of the plugin that speaks to it, such as ``ticktrail-binance``.
        contract_date: When the contract was signed.
        notice_hours: Within how many hours it has to tell the firm of a breach, by the contract. Regulation S-P asks
            for no more than 72 of a service provider that holds customer information.
        contact: Whom to call.
        certifications: What it has shown, such as ``SOC 2 Type II 2025``.
        review_every_days: How often it is reviewed; the first time so long after `contract_date`, or at once.
    """

    kind: Literal["venue", "cloud", "plugin", "other"]
    legs: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    distribution: Annotated[str, Meta(min_length=1)] | None = None
    contract_date: date | None = None
    notice_hours: Annotated[int, Meta(ge=1, le=72)] = 72
    contact: Annotated[str, Meta(max_length=500)] = ""
    certifications: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    review_every_days: Annotated[int, Meta(ge=1, le=3_650)] = 365
