"""Export in a process of its own that is killed, and see what it leaves.

Owns: a program, run by test_killed.py: it forks for each attempt, so that what takes long is imported once.
Never: leaves a child behind.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import click

from ticktrail.cli.program import program
from ticktrail_compliance.export import console  # noqa: F401 - to be there before the first fork

CHANGES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}


def attempt(arguments, at=None, after_s=None):
    """Run the command; kill it before its change of a folder number `at`, or after a time. Returns its status."""
    child = os.fork()
    if child == 0:
        if at is not None:
            die_at(at)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        status = 70
        try:
            status = program.main(arguments, standalone_mode=False) or 0
        except click.exceptions.Exit as exc:
            status = exc.exit_code
        except SystemExit as exc:
            status = exc.code
        finally:
            os._exit(status)
    if after_s is not None:
        time.sleep(after_s)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(step):
    """End this process as a power failure would, before its change number `step`."""
    left = [step]

    def hook(event, _arguments):
        if event in CHANGES:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def command(folder, name, form):
    return [
        "audit", "export", str(folder / "feed.toml"), "--format", form, "--out", str(folder / name),
        "--purpose", f"Case {name}", "--keys-out", str(folder / f"{name}.keys"),
    ]  # fmt: skip


def at_every_step(folder, form):
    """An export for each step: killed there, and gone on with by the same command."""
    told = []
    for step in range(1, 200):
        name = f"step-{step}"
        first = attempt(command(folder, name, form), at=step)
        there = sorted(path.name for path in folder.glob(f"{name}*"))
        second = attempt(command(folder, name, form)) if first else None
        told.append({"name": name, "first": first, "there": there, "second": second})
        if not first:
            break
    return told


def at_random(folder, form, times):
    """Exports that are killed at any moment, and gone on with."""
    began = time.monotonic()
    assert attempt(command(folder, "whole", form)) == 0
    took = time.monotonic() - began
    told = []
    for number in range(times):
        name = f"random-{number}"
        status = attempt(command(folder, name, form), after_s=random.uniform(0, 0.9 * took))
        there = (folder / name).exists()
        last = None if there else attempt(command(folder, name, form))
        told.append({"name": name, "killed": status == -signal.SIGKILL, "there": there, "last": last})
    return told


if __name__ == "__main__":
    how, where, form = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    outcome = at_every_step(where, form) if how == "steps" else at_random(where, form, int(sys.argv[4]))
    sys.stdout.write(json.dumps(outcome))
