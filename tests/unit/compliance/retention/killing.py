"""Apply retention in a process of its own that is killed, or beside another one that places a hold.

Owns: a program, run by test_killed.py and test_race.py: it takes one JSON object a line and answers with one; it forks
for each, so that what takes long is imported once.
Never: leaves a child behind.
"""

import json
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

from ticktrail_compliance.holds.placing import covered_by
from unit.compliance.retention.keeping import Firm


def killed_at(number):
    """End this process as a power failure would, before its commit of that number, in whichever database."""
    left = [number]

    def hook(_connection):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", hook)


def forked(work):
    """Run something in a child; gives its process id."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            work()
            status = 0
        except BaseException:  # noqa: BLE001 - this process ends here
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def status_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def firm_of(asked):
    firm = Firm(Path(asked["folder"]), asked["database"], **asked["more"])
    firm.clock.step((asked["now_ns"] - firm.clock.now_ns()) / 10**9)
    return firm


def attempt(asked):
    """Apply what is due; killed before a commit, or not."""

    def work():
        killed_at(asked["at"])
        firm_of(asked).apply()

    return {"status": status_of(forked(work))}


def race(asked):
    """Apply what is due while another process places a hold; what that one says it keeps stands in a file."""
    told = Path(asked["folder"]) / "told.json"
    pause = random.Random(asked["seed"])
    waits = [pause.uniform(0, asked["most_s"]) for _ in range(2)]

    def applies():
        time.sleep(waits[0])
        firm_of(asked).apply()

    def places():
        time.sleep(waits[1])
        firm = firm_of(asked)
        hold = firm.place(**asked["hold"])
        with firm.opened() as log:
            covered = [[one.entry_class, one.month, one.keys, one.destroyed] for one in covered_by(log, hold)]
        told.write_text(json.dumps({"hold_id": hold.hold_id, "covered": covered}))

    children = [forked(applies), forked(places)]
    return {"status": [status_of(child) for child in children], **json.loads(told.read_text())}


if __name__ == "__main__":
    for line in sys.stdin:
        wanted = json.loads(line)
        answer = {"attempt": attempt, "race": race}[wanted["do"]](wanted)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
