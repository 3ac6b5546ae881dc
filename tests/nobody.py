"""Be a user without rights for a moment: a test that runs as root may read and write everything otherwise."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65_534


@contextmanager
def nobody(folder: Path):
    """Run the body as a user who may look into the folder, and do no more than its files allow to all."""
    if os.geteuid() != 0:
        yield
        return
    for parent in (folder, *folder.parents):
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(parent.stat().st_mode | 0o055)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
