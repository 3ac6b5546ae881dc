"""Who somebody is, by the kernel's word: not by a name that they give themselves."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from ticktrail_compliance.access.identity import is_group, is_user, named_so
from ticktrail_compliance.acts import actor_here
from ticktrail_compliance.acts.base import is_namespaced

TELL = """
from ticktrail_compliance.access.identity import identity_at
from types import SimpleNamespace
who = identity_at(SimpleNamespace(dialect="sqlite"))
print(who.actor.user, sorted(who.groups), sep="|")
"""


def test_in_a_user_namespace_of_its_own_a_process_is_nobody_of_this_machine():
    """There anybody can be root, or whoever a policy names."""
    if is_namespaced():
        pytest.skip("the tests themselves run in a user namespace")
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", TELL]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as exc:
        pytest.skip(f"no user namespace can be made here: {exc}")
    assert done.stdout == "uid 0 of a user namespace|[]\n"


def test_outside_of_one_it_is_the_effective_user():
    """By number where there is no name for it."""
    if is_namespaced():
        pytest.skip("the tests themselves run in a user namespace")
    assert actor_here().user not in {"", f"uid {os.geteuid()} of a user namespace"}


def test_a_name_that_nobody_can_have():
    """A policy may hold any text."""
    assert not is_user("a\0b")
    assert not is_group("a\0b")
    assert named_so("a\0b", SimpleNamespace(dialect="sqlite")).groups == frozenset()
