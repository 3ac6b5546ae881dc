"""Programs of Debian that some tests run: root in CI installs what is missing."""

import os
import shutil
import subprocess
from functools import cache

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where Debian has some


@cache
def why_without(program, package, limit_s=120):
    """Return why there is no such program, empty where there is."""
    if shutil.which(program, path=PATH):
        return ""
    if not (os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get")):
        return f"no {program} here (Debian package {package})"
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
        try:
            done = subprocess.run(
                [
                    "apt-get",
                    *("-o", "Acquire::http::Timeout=20"),
                    *("-o", "Acquire::Retries=1"),
                    *("-o", "DPkg::Lock::Timeout=100"),  # another process of the tests may be at it
                    *command,
                ],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no {program} here, and apt-get {command[0]} took more than {limit_s} s"
        if done.returncode:
            return f"no {program} here, and apt-get {command[0]} failed: {done.stderr.strip()[-200:]}"
    return ""
