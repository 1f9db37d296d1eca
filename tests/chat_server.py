"""A server of chat completions on this machine that answers by a function, and records what it is asked."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["ChatServer", "chat_server"]


class ChatServer:
    """The server; ``failures`` are statuses of the next answers, ``asked`` the requests.

    Args:
        say: from the text of the last message to the answer; a mapping is sent as it is, with its ``status`` if any.
        pause: seconds before every answer.
    """

    def __init__(self, say: Callable[[str], Any], pause: float = 0.0) -> None:
        self.asked: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.retry_after = "0.01"
        self.most = self.at_once = 0
        lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    outer.asked.append({**body, "path": self.path, "key": self.headers.get("Authorization")})
                    outer.at_once += 1
                    outer.most = max(outer.most, outer.at_once)
                    failure = outer.failures.pop(0) if outer.failures else 0
                time.sleep(pause)
                with lock:
                    outer.at_once -= 1
                self.send(failure, say(body["messages"][-1]["content"]))

            def send(self, failure: int, said: Any) -> None:
                answer = dict(said) if isinstance(said, dict) else {"choices": [{"message": {"content": said}}]}
                failure = failure or answer.pop("status", 0)
                content = json.dumps({"usage": {"total_tokens": 10}, **answer}).encode()
                self.send_response(failure or 200)
                if failure:
                    self.send_header("Retry-After", outer.retry_after)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: Any) -> None:
                """Suppress logging."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@contextmanager
def chat_server(say: Callable[[str], Any], pause: float = 0.0) -> Iterator[ChatServer]:
    """A server, stopped at the end."""
    server = ChatServer(say, pause)
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
