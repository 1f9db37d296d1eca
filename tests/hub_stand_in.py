"""A stand-in for the hub: a local server that knows one account and keeps what is committed."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

TOKEN = "hf_standin"


class Hub:
    """What the stand-in has received."""

    def __init__(self) -> None:
        self.url, self.role, self.broken = "", "write", False
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.card: dict[str, Any] = {}
        self.calls: list[str] = []


@contextmanager
def hub_stand_in() -> Iterator[Hub]:
    """Serve the calls that an upload makes: whoami, create, preupload, commit."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: Any) -> None:
            pass

        def answer(self, content: Any, code: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            hub.calls.append(self.path)
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.answer({"error": "Invalid credentials"}, 401)
            elif self.path.startswith("/api/whoami"):
                account = {"name": "ada", "type": "user", "orgs": [{"name": "analytical"}]}
                self.answer({**account, "auth": {"accessToken": {"role": hub.role}}})
            else:
                self.answer({"sha": "0" * 40, "id": "ada/m", "siblings": []})

        def do_POST(self) -> None:
            hub.calls.append(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if hub.broken:
                self.answer({"error": "out of order"}, 400)
            elif self.path == "/api/repos/create":
                hub.created.append(json.loads(body))
                self.answer({"url": f"{hub.url}/ada/m", "name": "ada/m", "id": "ada/m"})
            elif self.path == "/api/validate-yaml":
                card = json.loads(body)["content"]
                hub.card = yaml.safe_load(card.split("---")[1])
                self.answer({"errors": [], "warnings": []})
            elif "/preupload/" in self.path:
                asked = json.loads(body)["files"]
                mode = {"uploadMode": "regular", "shouldIgnore": False}
                self.answer({"files": [{"path": each["path"], **mode} for each in asked]})
            elif "/commit/" in self.path:
                for line in body.splitlines():
                    row = json.loads(line)
                    if row["key"] == "file":
                        hub.files[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
                self.answer({"commitOid": "1" * 40, "commitUrl": f"{hub.url}/ada/m/commit/1", "success": True})
            else:
                self.answer({"error": "unknown"}, 404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
