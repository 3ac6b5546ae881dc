"""Set up what others wrote, in `.venv-foreign`: a log verifier and a witness for proofs, OpenBao for keys.

They need Python 3.12 or later, which the project itself does not, and so an environment of their own. Run it as
`make foreign`. It looks for an interpreter on the path and among pyenv's, and installs what requirements.txt beside it
pins, hashes checked.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
VENV = FOLDER.parents[1] / ".venv-foreign"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".stamp"
REQUIREMENTS = FOLDER / "requirements.txt"
LEAST = (3, 12)
LIMIT_S = 300


class NoPythonError(Exception):
    """There is no interpreter here that is new enough."""


def is_set_up():
    """Tell whether the environment is there, and is of these requirements."""
    return STAMP.is_file() and STAMP.read_text() == REQUIREMENTS.read_text()


def find_python():
    """Return an interpreter that is new enough and starts."""
    names = ["python3.14", "python3.13", "python3.12", "python3"]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [sys.executable, *filter(None, map(shutil.which, names)), *sorted(pyenv.glob("3.*/bin/python3"))]
    for one in found:
        told = subprocess.run(
            [one, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        if told.returncode == 0 and tuple(map(int, told.stdout.split())) >= LEAST:
            return one
    raise NoPythonError(f"no Python {'.'.join(map(str, LEAST))} or later here")


def set_up():
    """Make the environment anew.

    Raises:
        NoPythonError: There is no interpreter for it.
        CalledProcessError: The packages cannot be installed.
    """
    python = find_python()
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--require-hashes"]
    for command in ([python, "-m", "venv", "--clear", VENV], [*pip, "-r", REQUIREMENTS]):
        subprocess.run(
            command, check=True, timeout=LIMIT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    STAMP.write_text(REQUIREMENTS.read_text())


if __name__ == "__main__":
    try:
        set_up()
    except NoPythonError as exc:
        sys.exit(f"set-up: {exc}; install one, or do without the tests that need it")
    except subprocess.CalledProcessError as exc:
        sys.exit(f"set-up: {exc}\n{exc.stdout}")
