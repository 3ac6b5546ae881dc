"""What docs/how-to/handle-an-incident.md tells to write runs as it stands, and its reference is whole."""

import re
import shlex
import time
from pathlib import Path
from typing import get_args

import anyio
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail_compliance.acts.incidents import IncidentKind
from ticktrail_compliance.incidents.commands import incident
from ticktrail_compliance.incidents.settings import IncidentSettings
from unit.compliance.logs import sample

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "how-to/handle-an-incident.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference/incidents.md").read_text(encoding="utf-8")


def fenced(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_walk_through_runs_as_it_stands(tmp_path, monkeypatch):
    """Each command line in turn, on a log of seven entries; the numbers are those of the page."""
    anyio.run(lambda: sample(tmp_path))
    monkeypatch.chdir(tmp_path)
    (policy,) = fenced("toml")
    Path("policy.toml").write_text(policy)
    Path("feed.toml").write_text('[compliance]\nkey = { file = "audit.key" }\npolicy = "policy.toml"\n')
    Path("report-of-loss.txt").write_text("found nothing")
    lines = [line for block in fenced("sh") for line in block.splitlines()]
    assert len(lines) == 12
    ids = set(re.findall(r"feed\.toml (\d+)", "\n".join(lines)))
    (written,) = ids
    number = None
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "ticktrail"
        now = str(time.time_ns())
        words = [{"SENT": now, written: number or written}.get(word, word) for word in words[1:]]
        done = CliRunner().invoke(program, words)
        assert done.exit_code == 0, (line, done.output)
        if words[:2] == ["incident", "open"]:
            number = re.match(r"incident (\d+) was opened", done.output)[1]
            assert number == written, "the page names another number than a reader gets"
    assert Path(f"incident-{written}.html").is_file()


def test_the_reference_names_every_command_and_key():
    """Commands of the group, keys of the policy, kinds that are opened by themselves."""
    assert {name for name in incident.commands if f"| `{name}" not in REFERENCE} == set()
    policy = (DOCS / "reference/compliance-policy.md").read_text()
    for name in IncidentSettings.__struct_fields__:
        assert f"| `{name}` |" in policy
    assert set(re.findall(r"\| `(\w+)` \| (?:unknown|no) \|", PAGE)) <= set(get_args(IncidentKind))
