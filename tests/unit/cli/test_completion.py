"""The shell completes commands, options and files, as bash itself has it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from terminal import Terminal
from ticktrail.cli.program import program

BASH = shutil.which("bash")
ASK = """
source "$SCRIPT"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
_ticktrail_completion ticktrail
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def bash(tmp_path_factory):
    """Return what completes a line in a real bash; the last word is the one that is begun."""
    assert BASH is not None, "these tests run bash; install it"
    folder = tmp_path_factory.mktemp("bash")
    script = folder / "completion"
    done = CliRunner().invoke(program, ["completion", "bash"])
    assert done.exit_code == 0
    script.write_text(done.stdout)
    (folder / "feed.toml").touch()
    where = Path(sys.executable).parent  # the program stands beside the interpreter

    def complete(*words):
        done = subprocess.run(
            [BASH, "--norc", "-c", ASK, "bash", "ticktrail", *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=folder,
            env={**os.environ, "SCRIPT": str(script), "PATH": f"{where}:{os.environ['PATH']}"},
        )
        assert done.stderr == ""
        return set(done.stdout.split())

    return complete


def test_commands(bash):
    """Those of core and of plugins, by their first letters."""
    assert bash("r") == {"run", "report"}
    assert bash("au") == {"audit"}
    assert {"verify", "export", "retention"} <= bash("audit", "")


def test_options_and_their_values(bash):
    """Of the command that stands there."""
    assert bash("run", "--log-l") == {"--log-level"}
    assert bash("run", "--log", "j") == {"json"}
    assert bash("completion", "f") == {"fish"}
    assert "--resume" in bash("audit", "verify", "--")


def test_files(tmp_path):
    """A feed file is completed at the prompt of an interactive bash, by the tabulator key."""
    (tmp_path / "nightly-feed.toml").touch()
    (tmp_path / "completion").write_text(CliRunner().invoke(program, ["completion", "bash"]).stdout)
    where = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PS1": "ready> "}
    with Terminal([BASH, "--norc", "--noprofile", "-i"], cwd=tmp_path, env=where) as prompt:
        prompt.until("ready> ")
        prompt.type("source completion\n")
        prompt.until("completion\r\n", "ready> ")
        seen = len(prompt.seen)
        prompt.type("ticktrail run nigh\t")
        prompt.until("nightly-feed.toml", after=seen)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(shell):
    """Each has a script of its own, that asks the same program."""
    done = CliRunner().invoke(program, ["completion", shell])
    assert done.exit_code == 0
    assert "_TICKTRAIL_COMPLETE" in done.stdout
    assert f"{shell}_complete" in done.stdout
