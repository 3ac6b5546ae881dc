"""Build the wheels of the repository, and install them as a stranger does: in an environment of their own, outside it.

Third-party packages come from the index by the hashed lock, as in the Makefile; of those only what the wheels need. It
costs a minute, so that all processes of one run of the tests share one environment.
"""

import fcntl
import os
import re
import subprocess
import sys
import venv
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEMBERS = [
    path.parent
    for path in sorted(ROOT.glob("*/pyproject.toml")) + sorted(ROOT.glob("plugins/*/pyproject.toml"))
]
TOOLS = ("hatchling", "editables", "pytest", "hypothesis", "h11")
"""What builds the distribution of the tutorial, and what its kit needs."""
LIMIT_S = 600


class Wheelhouse:
    """A folder with the wheels, and an environment in which all of them are installed."""

    def __init__(self, folder):
        self.wheels = folder / "wheels"
        self.environment = folder / "environment"
        self.bin = self.environment / ("Scripts" if os.name == "nt" else "bin")

    def variables(self):
        """Return the environment of a shell in which it is active: nothing of this repository is on the path."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
        return {
            **kept,
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.environment),
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads it so: the build's own tools are installed
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def make(self):
        self.wheels.mkdir(parents=True)
        for member in MEMBERS:
            command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(self.wheels)]
            done(command, cwd=member)
        venv.create(self.environment, with_pip=True)
        lock = self.wheels.parent / "requirements.txt"
        lock.write_text(locked(needed()))
        pip = [str(self.bin / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        done([*pip, "--require-hashes", "-r", str(lock)], cwd=self.wheels)
        done([*pip, "--no-index", "--no-deps", *map(str, self.wheels.glob("*.whl"))], cwd=self.wheels)


def done(command, *, cwd, status=0, env=None, limit_s=LIMIT_S):
    """Run a command to its end."""
    ended = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, timeout=limit_s, check=False
    )
    assert ended.returncode == status, f"{command}\n{ended.stdout[-3_000:]}\n{ended.stderr[-3_000:]}"
    return ended


def needed():
    """Return the third-party distributions that the wheels and tools need, and those that these need."""
    names, waiting = set(), [*TOOLS, *(name_of(member) for member in MEMBERS)]
    while waiting:
        name = waiting.pop()
        if name in names:
            continue
        names.add(name)
        try:
            wanted = requires(name) or ()
        except PackageNotFoundError:
            continue  # for another system than this one
        waiting += [canonical(re.match(r"[\w.-]+", one)[0]) for one in wanted if "extra ==" not in one]
    return names - {name_of(member) for member in MEMBERS}


def locked(names):
    """Return the lines of the lock for these, hashes and markers included."""
    blocks = re.split(r"^(?=\S)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    return "".join(block for block in blocks if canonical(re.match(r"[\w.-]*", block)[0]) in names)


def name_of(member):
    return re.search(r'^name = "(.+)"', (member / "pyproject.toml").read_text(), re.MULTILINE)[1]


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def shared(tmp_path_factory):
    """Return the wheelhouse of this run of the tests, made by whichever process asks first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wheelhouse"
    folder.mkdir(exist_ok=True)
    found = Wheelhouse(folder / "made")
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "whole").exists():
            found.make()
            (folder / "whole").touch()
    return found
