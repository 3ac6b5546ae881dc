"""Read a policy file.

Owns: the way from a file to a policy and back from what the log holds of it.
Never: checks it against the rules that it names; `ticktrail_compliance.policy.checking` does.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ticktrail.errors import AuditError
from ticktrail.feedfile import load_table
from ticktrail_compliance.given_file import content_of
from ticktrail_compliance.policy.settings import Policy

__all__ = ["MOST_BYTES", "LoadedPolicy", "load_policy", "parse_policy"]

MOST_BYTES = 256 * 1024
"""The largest policy file: it is sealed in the log as it is."""


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """A policy, and the file that it was read from, byte for byte: ends of lines are as they are there."""

    policy: Policy
    text: str

    @property
    def sha256(self) -> str:
        """The hash of the file, in hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_policy(path: Path) -> LoadedPolicy:
    """Return the policy of a file.

    Raises:
        ConfigError: It cannot be read, or has faults: each is told with file, line, key and what would be right.
    """
    remedy = "name the policy file, a page of TOML: it is sealed in the log as it is"
    content = content_of(path, MOST_BYTES, name=f"{path}:", remedy=remedy)
    policy = load_table(path, "compliance", Policy, content=content)
    return LoadedPolicy(policy, content.decode())


def parse_policy(text: str) -> Policy:
    """Return the policy of a text that a log holds.

    Raises:
        AuditError: It is of a newer form than this program reads.
    """
    try:
        return msgspec.convert(tomllib.loads(text)["compliance"], Policy)
    except (KeyError, tomllib.TOMLDecodeError, msgspec.ValidationError) as exc:
        raise AuditError(
            f"the policy that the log holds cannot be read ({exc}); upgrade ticktrail-compliance"
        ) from exc
