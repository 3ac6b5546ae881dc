"""Run commands as users of this machine: a process that begins as root, and gives its rights up for each of them.

The interpreter may lie where nobody else may look, so everything is imported first. Reads one JSON object a line:
user, groups, arguments, environment; writes one for each: status, out, err.
"""

import contextlib
import encodings
import importlib
import json
import os
import pkgutil
import pwd
import sys

import sqlalchemy
from click.testing import CliRunner

import ticktrail_compliance
from ticktrail.cli.program import program

NOT_IMPORTED = {"__main__", "antigravity", "idlelib", "test", "this", "tkinter", "turtle", "turtledemo"}
"""Of the standard library: what does something when it is imported, or needs a screen."""


def main():
    for module in pkgutil.walk_packages(ticktrail_compliance.__path__, "ticktrail_compliance."):
        if not module.name.endswith((".env", ".verify_export")) and ".versions" not in module.name:
            importlib.import_module(module.name)
    for name in sorted(sys.stdlib_module_names - NOT_IMPORTED):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in ("importlib.readers", "importlib.resources.readers", "importlib.resources.simple"):
        importlib.import_module(name)
    for module in pkgutil.iter_modules(encodings.__path__, "encodings."):
        if module.name not in {"encodings.mbcs", "encodings.oem", "encodings.cp65001"}:  # of Windows alone
            importlib.import_module(module.name)
    for url in sys.argv[1:]:  # what else is imported late, at the first connection and error
        with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError), sqlalchemy.create_engine(url).connect():
            pass
    CliRunner().invoke(program, ["audit", "show", "--database", "sqlite:////none.db", "--key", "env:NONE"])
    for line in sys.stdin:
        sys.stdout.write(f"{json.dumps(_forked(json.loads(line)))}\n")
        sys.stdout.flush()


def _forked(wanted):
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader) as pipe:
            answer = pipe.read()
        os.waitpid(child, 0)
        return json.loads(answer or '{"status": -1, "out": "", "err": "the process ended"}')
    try:
        answer = _run(**wanted)
    except BaseException as exc:  # noqa: BLE001 - told to the test, whatever it is
        answer = {"status": -1, "out": "", "err": repr(exc)}
    with os.fdopen(writer, "w") as pipe:
        json.dump(answer, pipe)
    os._exit(0)


def _run(user, groups, arguments, environment):
    os.environ.update(environment)
    if user is not None:
        entry = pwd.getpwnam(user)
        os.setgroups(groups)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    done = CliRunner().invoke(program, arguments)
    return {"status": done.exit_code, "out": done.stdout, "err": done.stderr}


if __name__ == "__main__":
    main()
