"""A completions server that misbehaves in one way for each first part of a path: ``http://127.0.0.1:PORT/MODE/v1``."""

from __future__ import annotations

import gzip
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["WRONG", "Misbehaving", "misbehaving"]


def choices(count: int, text: Any = " the car is red", reason: Any = "stop") -> dict[str, Any]:
    """An answer with equal choices; a reason of None is left out."""
    one = {"text": text} if reason is None else {"text": text, "finish_reason": reason}
    return {"choices": [one] * count}


def huge(count: int) -> bytes:
    """Answers far beyond every limit."""
    return json.dumps(choices(count, "red " * 600_000)).encode()


#: Answers that cannot be used, by mode: made from the number of responses asked for, as JSON or as bytes.
WRONG: dict[str, Any] = {
    "html": lambda n: b"<html>hello</html>",
    "no-utf8": lambda n: b"\xff\xfe{}",
    "deep": lambda n: b"[" * 200_000,
    "digits": lambda n: b'{"choices": ' + b"9" * 100_000 + b"}",
    "number": lambda n: 5,
    "zero": lambda n: {"choices": []},
    "fewer": lambda n: choices(n - 1),
    "more": lambda n: choices(n + 3),
    "null": lambda n: {"choices": None},
    "missing": lambda n: {},
    "error": lambda n: {"error": {"message": "model overloaded"}},
    "text-null": lambda n: choices(n, None),
    "text-missing": lambda n: {"choices": [{"finish_reason": "stop"}] * n},
    "text-number": lambda n: choices(n, 5),
    "chat": lambda n: {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}] * n},
    "strings": lambda n: {"choices": ["a"] * n},
    "filtered": lambda n: choices(n, "", "content_filter"),
    "reason-list": lambda n: choices(n, reason=["stop"]),
    "unfinished": lambda n: choices(n, reason=None),
    "long": lambda n: choices(n, "red " * 300),
    "long-cut": lambda n: choices(n, "red " * 300, "length"),
    "huge": huge,
    "surrogate": lambda n: json.dumps(choices(n, "x\ud800")).encode(),
}
# Statuses, with what comes with them.
STATUS = {"429": 429, "500": 500, "401": 401, "404": 404, "redirect301": 301, "redirect302": 302, "redirect307": 307}


class Misbehaving:
    """The server.

    Args:
        elsewhere: where redirects lead.
    """

    def __init__(self, elsewhere: str = "") -> None:
        self.asked: Counter[str] = Counter()
        self.keys: list[str | None] = []
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                mode = self.path.split("/")[1]
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                outer.asked[mode] += 1
                outer.keys.append(self.headers.get("Authorization"))
                self.close_connection = True
                self.answer(mode, body.get("n", 1))

            def answer(self, mode: str, count: int) -> None:
                good = json.dumps(choices(count)).encode()
                if mode in WRONG:
                    wrong = WRONG[mode](count)
                    self.send(wrong if isinstance(wrong, bytes) else json.dumps(wrong).encode())
                elif mode in STATUS:
                    said = json.dumps({"error": {"message": f"no {self.headers.get('Authorization')} at {self.path}"}})
                    self.send(said.encode(), STATUS[mode], {"Retry-After": "3600", "Location": elsewhere})
                elif mode == "once":
                    first = outer.asked[mode] % 2 == 1
                    self.send(b"{}" if first else good, 503 if first else 200, {"Retry-After": "0.01"})
                elif mode == "type":
                    self.send(good, headers={"Content-Type": "text/html"})
                elif mode == "compressed":
                    self.send(gzip.compress(good), headers={"Content-Encoding": "gzip"})
                elif mode == "half":
                    self.send(good[:30], longer=500)
                elif mode == "bad-status":
                    self.wfile.write(b"FLURB nonsense\r\n\r\n")
                elif mode == "sleep":
                    outer.release.wait(30)
                elif mode == "drip":
                    self.send(b" ", longer=100_000)
                    while not outer.release.wait(0.02):
                        self.wfile.write(b" ")
                elif mode != "close":
                    self.send(good)

            def send(self, body: bytes, status: int = 200, headers: Any = (), longer: int = 0) -> None:
                self.send_response(status)
                always = {"Content-Type": "application/json", "Connection": "close"}
                for name, value in {**always, **dict(headers)}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) + longer))
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *arguments: Any) -> None:
                """Suppress logging."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: Any) -> None:
                """A client that hangs up is expected."""

        self.http = Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, mode: str) -> str:
        """The address of a mode."""
        return f"http://127.0.0.1:{self.http.server_port}/{mode}/v1"


@contextmanager
def misbehaving(elsewhere: str = "") -> Iterator[Misbehaving]:
    """A server, stopped at the end."""
    server = Misbehaving(elsewhere)
    try:
        yield server
    finally:
        server.release.set()
        server.http.shutdown()
        server.http.server_close()
