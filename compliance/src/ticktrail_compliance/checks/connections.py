"""Look at by what data travels: TLS as it was agreed with each venue, and the way to the databases.

Owns: the controls ``transport.*``.
Never: opens a connection; the log says what was agreed when each was made.
"""

from __future__ import annotations

import os
from collections import Counter

from sqlalchemy.engine import URL

from ticktrail.address import find_plain_text
from ticktrail.events import ConnectionOpened
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.store.database import resolve_url
from ticktrail_compliance.store.opening import keys_url

__all__ = ["CONTROLS"]

MODERN = frozenset({"TLSv1.2", "TLSv1.3"})


def _tls(facts: Facts) -> Look:
    opened = list(facts.told(ConnectionOpened))
    if not opened:
        return unknown("the feed's last run tells of no connection; run it with the plugins of this version")
    for seq, one in opened:
        if one.tls is not None and one.tls not in MODERN:
            return failed(
                f"leg {one.provider} spoke {one.tls} ({one.cipher}) with {one.host}: the venue must offer TLS 1.2",
                seq,
            )
    counts = Counter(f"{one.tls} {one.cipher}" for _, one in opened if one.tls is not None)
    if not counts:
        return not_applicable(
            "every connection is plain text on this machine, or is judged by transport.plain"
        )
    told = "; ".join(f"{count:,} by {carrier}" for carrier, count in sorted(counts.items()))
    return passed(told, next(seq for seq, one in reversed(opened) if one.tls is not None))


def _plain(facts: Facts) -> Look:
    opened = list(facts.told(ConnectionOpened))
    if not opened:
        return unknown("the feed's last run tells of no connection; run it with the plugins of this version")
    plain = [(seq, one) for seq, one in opened if one.tls is None]
    for seq, one in plain:
        if not one.loopback:
            return failed(
                f"leg {one.provider} sent plain text to {one.host}:{one.port}: write the encrypted address",
                seq,
            )
    if plain and facts.is_production:
        seq, one = plain[-1]
        where = f"{one.host}:{one.port}"
        return passed(
            f"{len(plain):,} of {len(opened):,} are plain text, and stay on this machine ({where})", seq
        )
    return passed(
        f"{len(plain):,} of {len(opened):,} connections are plain text, all on this machine", opened[-1][0]
    )


def _database(facts: Facts) -> Look:
    urls = {
        "database": resolve_url(facts.settings.database, facts.base_dir),
        "keys": keys_url(facts.settings, facts.base_dir),
    }
    for key, url in urls.items():
        if url.get_backend_name() not in {"sqlite", "postgresql"}:
            return unknown(f"[compliance] {key}: nobody here knows how {url.get_backend_name()} is spoken to")
        if "service" in url.query or os.environ.get("PGSERVICE"):
            return unknown(
                f"[compliance] {key}: a service file says where it is; write host and sslmode into the URL"
            )
        plain = find_plain_text(_completed(url).render_as_string(hide_password=False))
        if plain is not None:
            return failed(f"[compliance] {key}: {plain.what}; {plain.remedy}")
    return passed(", ".join(f"{key}: {url.get_backend_name()}" for key, url in urls.items()))


def _completed(url: URL) -> URL:
    """Return a URL with what the driver takes from the environment where it says nothing."""
    if url.get_backend_name() != "postgresql":
        return url
    host, mode = os.environ.get("PGHOST"), os.environ.get("PGSSLMODE")
    if host and not url.host and not url.query.keys() & {"host", "hostaddr"}:
        url = url.set(host=host)
    return url.update_query_dict({"sslmode": mode}) if mode and "sslmode" not in url.query else url


CONTROLS = (
    Control(
        "transport.tls",
        "Every encrypted connection to a venue speaks TLS 1.2 or newer",
        POLICY,
        "connection_opened events of the last run: version and cipher as they were agreed",
        _tls,
        needs_run="what each venue agreed to",
    ),
    Control(
        "transport.plain",
        "No plain text to a venue leaves this machine",
        POLICY,
        "connection_opened events of the last run: host, and whether it was encrypted",
        _plain,
        needs_run="by what its legs connect",
    ),
    Control(
        "transport.database",
        "The way to the audit database and its keys is encrypted, or stays on this machine",
        POLICY,
        "the URLs of [compliance] database and keys",
        _database,
        needs_log=False,
    ),
)
