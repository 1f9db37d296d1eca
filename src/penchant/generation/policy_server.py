"""`PolicyServer`: the HTTP side of ``penchant serve-policy``."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from penchant.generation.served_policy import BadRequest, ServedPolicy

__all__ = ["PolicyServer"]

# Bytes of a request.
LONGEST = 64 * 2**20


class PolicyServer:
    """Serves a policy over HTTP; a context in which a thread of its own answers.

    Args:
        policy: what answers.
        host: the address of this machine to listen on.
        port: 0 for any that is free.

    Raises:
        OSError: the port is taken.
    """

    def __init__(self, policy: ServedPolicy, host: str = "127.0.0.1", port: int = 0) -> None:
        self.policy, self.host = policy, host
        self.http = ThreadingHTTPServer((host, port), _handler(policy))
        self.http.daemon_threads = True

    @property
    def url(self) -> str:
        """The address, up to and including /v1."""
        return f"http://{self.host}:{self.http.server_port}/v1"

    def serve(self) -> None:
        """Answer requests until interrupted."""
        try:
            self.http.serve_forever()
        finally:
            self.http.server_close()

    def __enter__(self) -> PolicyServer:
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        self.http.shutdown()
        self.http.server_close()


def _handler(policy: ServedPolicy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Reads and writes JSON."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path == "/v1/models":
                self.send(200, policy.models())
            elif self.path == "/health":
                self.send(200, {})
            else:
                self.send(404, _error(f"There is no {self.path} here."))

        def do_POST(self) -> None:
            try:
                answer = policy.answer(self.path.partition("?")[0], self.read())
            except BadRequest as error:
                self.send(error.status, _error(str(error)))
            except Exception as error:
                self.send(500, _error(f"{type(error).__name__}: {error}"))
            else:
                self.send(200, answer)

        def read(self) -> dict[str, Any]:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > LONGEST:
                self.close_connection = True
                raise BadRequest(f"The length of the request must be given, and be at most {LONGEST:,} bytes.")
            try:
                body = json.loads(self.rfile.read(int(length)) or b"{}")
            except (ValueError, RecursionError):
                raise BadRequest("The request is not JSON.") from None
            if not isinstance(body, dict):
                raise BadRequest("The request is not a JSON object.")
            return body

        def send(self, status: int, answer: Any) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing about single requests."""

    return Handler


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message}}
