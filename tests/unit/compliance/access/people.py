"""A log with roles in force, and people of this machine who give commands."""

import base64
import json
import os
import pwd
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.plugin import Secret
from ticktrail_compliance.acts import Accessed, AccessRefused
from ticktrail_compliance.reading import Range, read_records
from unit.compliance import logs

KEY = {"AUDIT_KEY": base64.b64encode(bytes(range(32))).decode()}
ME = pwd.getpwuid(os.geteuid()).pw_name
OPERATOR, AUDITOR, KEEPER, OFFICER, STRANGER = "games", "backup", "news", "irc", "mail"
"""Users that every Debian has."""

ROLES = {
    "operator": {"users": [OPERATOR]},
    "auditor": {"users": [AUDITOR]},
    "keeper": {"users": [KEEPER]},
    "officer": {"users": [OFFICER]},
}


def policy(roles=ROLES, *, purpose="required", more=""):
    """The text of a policy file; roles that are None leave the table out."""
    text = f'[compliance]\nfirm = "Example Securities"\n{more}'
    if roles is None:
        return text
    text += f'[compliance.access]\npurpose = "{purpose}"\n'
    for role, holders in roles.items():
        text += f"[compliance.access.{role}]\n"
        text += "".join(f"{kind} = {json.dumps(names)}\n" for kind, names in holders.items())
    return text


@dataclass
class Place:
    """A folder with a feed file, a policy file, and the log that they are of."""

    folder: Path
    database: str
    anchors: tuple = ()
    records: list = field(default_factory=list)
    seen: int = 0

    @property
    def feed(self):
        return self.folder / "feed.toml"

    def prepare(self, text, records=None, *, acknowledged=False):
        """Let a feed record under a policy; perhaps one that was adopted before, and one person may destroy under."""
        (self.folder / "policy.toml").write_text(text)
        anchors = f"anchors = {json.dumps(list(self.anchors))}\n" if self.anchors else ""
        self.feed.write_text(
            f'[compliance]\ndatabase = "{self.database}"\nkey = {{ env = "AUDIT_KEY" }}\npolicy = "policy.toml"\n'
            f"{anchors}"
        )
        if acknowledged:
            options = {"database": self.database, "key": Secret(env="AUDIT_KEY")}
            logs.acknowledged(self.folder, text, **options)
        self.record(records or [logs.up(1), logs.routed(1)], policy="policy.toml")
        return self

    def record(self, records, **more):
        options = {"database": self.database, "key": Secret(env="AUDIT_KEY"), "anchors": self.anchors, **more}
        return anyio.run(lambda: logs.write(self.folder, list(records), **options))

    def share(self):
        """Let every user of the machine at the files."""
        for parent in self.folder.parents:
            if parent == Path(tempfile.gettempdir()):
                break
            parent.chmod(parent.stat().st_mode | 0o055)
        self.folder.chmod(0o777)
        for path in self.folder.iterdir():
            path.chmod(0o666)
        return self

    def run(self, *arguments, status=0):
        """Give a command as whoever runs the tests; gives what it says."""
        done = CliRunner().invoke(program, [*map(str, arguments)])
        assert done.exit_code == status, (arguments, done.output)
        return done.output

    def opened(self):
        return logs.opened(self.folder, database=self.database, key=Secret(env="AUDIT_KEY"))

    def told(self, *kinds):
        """The acts of access control, or of other kinds, in order."""
        with self.opened() as log:
            for header, record in read_records(log, Range(from_seq=self.seen + 1), lambda _: True):
                self.records.append(record)
                self.seen = header.seq
        return [one for one in self.records if isinstance(one, kinds or (Accessed, AccessRefused))]

    def verified(self):
        return logs.verified(self.folder, database=self.database, key=Secret(env="AUDIT_KEY"))


@contextmanager
def people():
    """Gives a function that runs a command as a user of the machine, in a process of their own."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    command = [
        sys.executable,
        Path(__file__).with_name("launcher.py"),
        "sqlite://",
        f"{logs.POSTGRES}/postgres",
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **KEY}
    ) as process:

        def run(user, *arguments, groups=(), environment=None, status=None):
            wanted = {
                "user": user,
                "groups": list(groups),
                "arguments": [*map(str, arguments)],
                "environment": environment or {},
            }
            print(json.dumps(wanted), file=process.stdin, flush=True)
            answer = json.loads(process.stdout.readline())
            assert status is None or answer["status"] == status, (user, arguments, answer)
            return answer

        try:
            yield run
        finally:
            process.stdin.close()
            process.wait(30)
