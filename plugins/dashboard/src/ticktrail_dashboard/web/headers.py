"""Give every answer the headers that keep a browser from doing more than it should.

Owns: the list.
Never: looks at what is answered.

Source: OWASP, "HTTP Security Response Headers Cheat Sheet"; W3C, "Content Security Policy Level 3"; read 2026-11.
"""

from __future__ import annotations

from typing import Final

__all__ = ["SECURITY"]

_POLICY: Final = "; ".join(  # noqa: FLY002 - one a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_FEATURES: Final = (
    "camera",
    "display-capture",
    "geolocation",
    "microphone",
    "payment",
    "publickey-credentials-get",
    "usb",
)

SECURITY: Final = tuple(
    (name.encode(), value.encode())
    for name, value in (
        ("content-security-policy", _POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("permissions-policy", ", ".join(f"{feature}=()" for feature in _FEATURES)),
    )
)
