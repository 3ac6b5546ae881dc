"""Break a plugin in every function of it, one at a time, and see which law of the kit notices.

    python mutants.py FOLDER PACKAGE REPORT.json PROMISES.py [MOST]

FOLDER holds the package; the suites are those of PACKAGE.conformance, and where no law of theirs is broken the tests of
PROMISES.py, if there is such a file. Every function and method is broken: by
raising, by returning None at once, and, where it decides something, by deciding otherwise. Left alone are the suites
themselves and the loopback venue, which are tests. Each mutant is tried in a process of its own, forked from this one,
so that nothing is imported a hundred times. MOST: try no more than so many, spread over all.
"""

import ast
import contextlib
import copy
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import h11  # noqa: F401 - so that a mutant need not
import hypothesis.strategies  # noqa: F401 - likewise
import pytest
import trio_websocket  # noqa: F401 - likewise

import ticktrail.net
import ticktrail.testing.venue  # noqa: F401 - likewise
from ticktrail import testing
from ticktrail.testing.card import Card

for _name in testing.__all__:
    getattr(testing, _name)

LEFT_ALONE = {"conformance.py", "venue.py"}
LONGEST_S = 120.0
PROCESSES = 2
MARK = "the promises of the plugin itself:"
PROMISES = Path("nowhere")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> list[tuple[str, Function]]:
    """Return every function and method of a module, with its name in it."""
    found = []

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = f"{prefix}{getattr(child, 'name', '')}"
            if isinstance(child, Function):
                found.append((name, child))
            visit(child, f"{name}." if isinstance(child, Function | ast.ClassDef) else prefix)

    visit(tree, "")
    return found


def decides_otherwise(function: Function) -> bool:
    """Turn the first condition of a function round; tell whether it has one."""
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.IfExp | ast.While) and not isinstance(node.test, ast.Constant):
            node.test = ast.UnaryOp(op=ast.Not(), operand=node.test)
            return True
    return False


def mutants(folder: Path, package: str) -> Iterator[tuple[str, str, Path, str]]:
    """Yield name, way, file and new text of each mutant."""
    for path in sorted((folder / package).rglob("*.py")):
        if path.name in LEFT_ALONE:
            continue
        whole = ast.parse(path.read_text())
        for index, (name, _) in enumerate(functions(whole)):
            for way, body in (
                ("raises", "raise RuntimeError('broken on purpose')"),
                ("returns None", "return None"),
                ("decides otherwise", None),
            ):
                tree = copy.deepcopy(whole)
                _, function = functions(tree)[index]
                if body is not None:
                    function.body = ast.parse(f"def f():\n    {body}").body[0].body
                elif not decides_otherwise(function):
                    continue
                text = ast.unparse(ast.fix_missing_locations(tree))
                yield f"{path.stem}.{name}", way, path.relative_to(folder), text


def try_one(folder: Path, package: str, path: Path, text: str, place: Path) -> int:
    """Start a process that tries a mutant, and return its number."""
    shutil.copytree(folder, place / "site")
    (place / "site" / path).write_text(text)
    (place / "pytest.ini").write_text("[pytest]\n")
    number = os.fork()
    if number:
        return number
    with (place / "said").open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        with contextlib.suppress(BaseException):
            os.chdir(place)
            sys.path[:] = [str(place / "site"), *(part for part in sys.path if part != str(folder))]
            sys.dont_write_bytecode = True
            pytest.main(
                [
                    "-x",
                    "-q",
                    "--tb=short",
                    "-p",
                    "no:cacheprovider",
                    "-p",
                    "no:xdist",
                    "-c",
                    "pytest.ini",
                    "--ticktrail-card",
                    "card.json",
                    "--pyargs",
                    f"{package}.conformance",
                ]
            )
            if not outcome(place)["laws"] and PROMISES.is_file():
                os.write(1, f"{MARK}\n".encode())
                pytest.main(
                    ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-c", "pytest.ini", str(PROMISES)]
                )
    os._exit(0)


def outcome(place: Path) -> dict[str, object]:
    """Return the laws that a mutant broke, what the first of them said, and the end of the whole."""
    card = Card(ticktrail="", api=0)
    if (place / "card.json").is_file():
        card = Card.decode((place / "card.json").read_bytes())
    laws = [law for suite in card.suites for law in suite.laws if law.outcome == "broken"]
    said = (place / "said").read_text(errors="replace").splitlines()
    promises = said[said.index(MARK) :] if MARK in said else []
    return {
        "laws": [law.number for law in laws],
        "why": [law.detail[:300] for law in laws],
        "promises": [line for line in promises if line.startswith("FAILED")],
        "end": said[-8:],
    }


def main(folder: Path, package: str, report: Path, most: int) -> None:
    chosen = list(mutants(folder, package))
    step = max(1, len(chosen) // most)
    waiting, running, told = chosen[::step], {}, []
    with tempfile.TemporaryDirectory() as scratch:
        while waiting or running:
            while waiting and len(running) < PROCESSES:
                name, way, path, text = waiting.pop(0)
                place = Path(scratch) / str(len(waiting))
                place.mkdir()
                running[try_one(folder, package, path, text, place)] = (name, way, place, time.monotonic())
            for number in list(running):
                name, way, place, began = running[number]
                took_s = time.monotonic() - began
                if os.waitpid(number, os.WNOHANG)[0] or took_s > LONGEST_S:
                    if took_s > LONGEST_S:
                        os.kill(number, 9)
                        os.waitpid(number, 0)
                    del running[number]
                    told.append({"name": name, "way": way, "took_s": round(took_s, 2), **outcome(place)})
            time.sleep(0.02)
    report.write_text(json.dumps({"all": len(chosen), "tried": told}, indent=1))


if __name__ == "__main__":
    PROMISES = Path(sys.argv[4])
    main(
        Path(sys.argv[1]),
        sys.argv[2],
        Path(sys.argv[3]),
        int(sys.argv[5]) if len(sys.argv) > 5 else sys.maxsize,
    )
