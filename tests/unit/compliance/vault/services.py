"""Key services on the loopback: they speak the documented HTTP of Vault's transit engine and of AWS KMS, and misbehave.

Each `fault` is what one request gets instead of an answer: a status with a body, or one of the ways to be slow.
"""

import base64
import json
import os
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

TOKEN = "hvs.token-of-the-tests"
MUTE, DRIP = "mute", "drip"


class Service:
    """A server on a port of its own, with AES-256-GCM keys by name.

    Attributes:
        faults: What the next requests get instead of an answer, one each; the last one stays.
        seen: Each request: path, headers, body.
    """

    def __init__(self):
        self.faults = []
        self.seen = []
        self.keys = {}
        self.closed = threading.Event()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                service.handle(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def key(self, name):
        return self.keys.setdefault(name, AESGCM(os.urandom(32)))

    def handle(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        self.seen.append((request.path, dict(request.headers), body))
        fault = self.faults.pop(0) if len(self.faults) > 1 else next(iter(self.faults), None)
        if fault == MUTE:
            self.closed.wait(30)
            request.close_connection = True
        elif fault == DRIP:
            self.drip(request)
        else:
            status, answer, *more = fault or self.answer(request, json.loads(body))
            self.send(request, status, answer, *more)

    def drip(self, request):
        """A letter of a header each tenth of a second: no read takes long, and all together never ends."""
        request.close_connection = True
        try:
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            while not self.closed.wait(0.05):
                request.wfile.write(b"x")
        except OSError:
            pass

    def send(self, request, status, answer, headers=None):
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


class FakeVault(Service):
    """The transit engine: encrypt, decrypt; and AppRole's login, whose tokens count up.

    Attributes:
        tokens: Those that are let in.
        heeds: Whether the engine knows `associated_data`; before Vault 1.13 it did not, and said nothing.
    """

    def __init__(self):
        super().__init__()
        self.tokens = {TOKEN}
        self.heeds = True
        self.logins = 0

    def answer(self, request, body):
        _, _, *path = request.path.split("/")
        if path == ["auth", "approle", "login"]:
            if body != {"role_id": "the-role", "secret_id": "the-secret-id"}:
                return 400, {"errors": ["invalid role or secret ID"]}
            self.logins += 1
            self.tokens.add(f"hvs.lease-{self.logins}")
            return 200, {"auth": {"client_token": f"hvs.lease-{self.logins}", "lease_duration": 60}}
        if request.headers.get("X-Vault-Token") not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        if path[0] != "transit":
            return 404, {"errors": ["no handler for route. route entry not found."]}
        verb, name = path[1:]
        data = base64.b64decode(body.get("associated_data", "")) if self.heeds else b""
        if name not in self.keys:
            return 400, {"errors": ["encryption key not found"]}
        if verb == "encrypt":
            nonce = os.urandom(12)
            sealed = nonce + self.key(name).encrypt(nonce, base64.b64decode(body["plaintext"]), data)
            return 200, {"data": {"ciphertext": f"vault:v1:{base64.b64encode(sealed).decode()}"}}
        _, version, text = body["ciphertext"].split(":")
        if version not in {"v0", "v1"}:
            return 400, {"errors": ["invalid ciphertext: version is too new"]}
        sealed = base64.b64decode(text)
        try:
            plain = self.key(name).decrypt(sealed[:12], sealed[12:], data)
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(plain).decode()}}


class FakeKms(Service):
    """AWS KMS: Encrypt and Decrypt, JSON 1.1. A ciphertext names its key, as those of AWS do."""

    def answer(self, request, body):
        action = request.headers["X-Amz-Target"].removeprefix("TrentService.")
        data = json.dumps(body["EncryptionContext"], sort_keys=True).encode()
        key = body["KeyId"]
        if key not in self.keys:
            return self.error("NotFoundException", "no such key")
        if action == "Encrypt":
            nonce, plain = os.urandom(12), base64.b64decode(body["Plaintext"])
            if not 1 <= len(plain) <= 4096:
                return self.error("ValidationException", "1 validation error")
            blob = key.encode().ljust(80) + nonce + self.key(key).encrypt(nonce, plain, data)
            return 200, {"CiphertextBlob": base64.b64encode(blob).decode(), "KeyId": key}
        blob = base64.b64decode(body["CiphertextBlob"])
        named = blob[:80].decode("utf-8", "replace").strip()
        if named not in self.keys:
            return self.error(
                "AccessDeniedException", "The ciphertext refers to a customer master key that does not exist"
            )
        if named != key:
            return self.error("IncorrectKeyException", "The key ID in the request does not identify a CMK")
        try:
            plain = self.key(key).decrypt(blob[80:92], blob[92:], data)
        except (InvalidTag, ValueError):
            return self.error("InvalidCiphertextException", "")
        return 200, {"Plaintext": base64.b64encode(plain).decode(), "KeyId": key}

    @staticmethod
    def error(code, message="", status=400):
        return status, {"__type": code, "message": message}


@contextmanager
def serving(service):
    """The service, answering until the block ends."""
    thread = threading.Thread(target=service.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.closed.set()
        service.server.shutdown()
        service.server.server_close()
        thread.join()


@contextmanager
def at_most(limit_s):
    """What is within ends at the limit, where it would never end without: slack for a busy machine costs nothing."""
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < limit_s + 20
