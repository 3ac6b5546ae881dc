"""Receivers of alerts on this machine: a web server that may be told to fail, and a mail server with accounts."""

import ssl
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

HOST = "127.0.0.1"


class Hooks:
    """What came, and what of it was taken: answered by `statuses`, then by `always`; headers may stand beside each."""

    def __init__(self):
        self.came = []
        self.taken = []
        self.statuses = []
        self.always = 204
        self.hold = threading.Event()
        self.hold.set()
        self.url = ""

    def answer(self, path, headers, body):
        self.hold.wait(30)
        self.came.append((path, headers, body))
        said = self.statuses.pop(0) if self.statuses else self.always
        status, headers = said if isinstance(said, tuple) else (said, {})
        if status < 300:
            self.taken.append(body)
        return status, headers


@contextmanager
def serving(certificate=None):
    """Serve hooks; over TLS with a certificate of `trustme`."""
    hooks = Hooks()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            status, headers = hooks.answer(
                self.path, {key.lower(): value for key, value in self.headers.items()}, body
            )
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https"
    hooks.url = f"{scheme}://{HOST}:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hooks
    finally:
        hooks.hold.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Post:
    """Mails that came, each with who logged in and whether it was over TLS; `refuse` holds receivers to refuse."""

    def __init__(self):
        self.mails = []
        self.refuse = set()
        self.port = 0

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the library's name
        if address in self.refuse:
            return f"550 no {address} here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the library's name
        is_tls = server.transport.get_extra_info("ssl_object") is not None
        self.mails.append((envelope.content, session.auth_data, is_tls, tuple(envelope.rcpt_tos)))
        return "250 taken"


class _Anywhere(Controller):
    """A mail server on a port that the machine gives."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def post_office(certificate=None, *, user="feed", password="", implicit=False):
    """Run a mail server: with a certificate, nothing is taken before STARTTLS and a login."""
    post = Post()
    options = {}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)

        def authenticate(server, session, envelope, mechanism, data):
            good = (data.login, data.password) == (user.encode(), password.encode())
            return AuthResult(success=good, auth_data=data.login.decode() if good else None, handled=good)

        options = {"authenticator": authenticate, "auth_required": True}
        if implicit:
            options |= {"ssl_context": context, "auth_require_tls": False}
        else:
            options |= {"tls_context": context, "require_starttls": True}
    controller = _Anywhere(post, hostname=HOST, port=0, **options)
    controller.start()
    post.port = controller.port
    try:
        yield post
    finally:
        controller.stop()
