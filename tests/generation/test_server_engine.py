"""The server engine against a small local server: requests, responses and errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from penchant.errors import ModelError
from penchant.generation import Sampling, ServerEngine
from penchant.rendering.renderer import Renderer
from small_runs import word_tokenizer


class Server:
    """Answers completions as configured, and records requests."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.short = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append({**body, "path": self.path, "key": self.headers.get("Authorization")})
                if outer.failures:
                    self.send_error(outer.failures.pop(0), "told to fail")
                    return
                choices = [
                    {"text": " the car is red", "finish_reason": "stop" if number % 2 == 0 else "length"}
                    for number in range(body["n"] - outer.short)
                ]
                answer = json.dumps({"choices": choices}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments: Any) -> None:
                """Suppress logging."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.http.shutdown()
    found.http.server_close()


def engine(server: Server, **changed: Any) -> ServerEngine:
    return ServerEngine(Renderer(word_tokenizer()), url=server.url, model="policy", pause=0.01, **changed)


def test_one_request_asks_for_all_samples_of_a_prompt(server: Server) -> None:
    made = engine(server)
    made.key = "secret"
    sampling = Sampling(samples=3, max_new_tokens=7, temperature=0.5, top_p=0.9)
    given = made.sample(["which colour", "is the car"], sampling, seed=5)
    assert [len(each) for each in given] == [3, 3] and len(server.asked) == 2
    asked = {each["prompt"]: each for each in server.asked}
    assert set(asked) == {made.renderer.prompt_text("which colour"), made.renderer.prompt_text("is the car")}
    first = asked[made.renderer.prompt_text("which colour")]
    assert (first["n"], first["max_tokens"], first["temperature"], first["top_p"]) == (3, 7, 0.5, 0.9)
    assert (first["seed"], first["model"], first["path"]) == (5, "policy", "/v1/completions")
    assert first["key"] == "Bearer secret"
    # What is not said, a server takes from the model's generation_config.json.
    assert (first["top_k"], first["min_p"], first["repetition_penalty"]) == (-1, 0, 1)
    assert first["stop_token_ids"] == made.renderer.stop_token_ids


def test_without_token_ids_nothing_is_sent_that_is_not_of_the_interface(server: Server) -> None:
    engine(server, tokens=False).sample(["the"], Sampling(), seed=0)
    [asked] = server.asked
    assert not {"top_k", "min_p", "repetition_penalty", "stop_token_ids", "return_token_ids", "logprobs"} & asked.keys()


def test_a_whole_response_ends_in_the_end_token_and_a_cut_one_does_not(server: Server) -> None:
    made = engine(server)
    whole, cut = made.sample(["which colour"], Sampling(samples=2), seed=0)[0]
    end = made.renderer.end_token_id
    assert whole.finished and whole.ids[-1] == end and not cut.finished and cut.ids == whole.ids[:-1]
    assert whole.text == " the car is red"


def test_passing_failures_are_tried_again_and_others_are_not(server: Server) -> None:
    server.failures = [503, 429]
    assert engine(server).sample(["the"], Sampling(), seed=0)
    assert len(server.asked) == 3
    server.failures = [401]
    with pytest.raises(ModelError, match="status 401"):
        engine(server).sample(["the"], Sampling(), seed=0)
    assert len(server.asked) == 4


def test_too_few_choices_and_a_dead_server_are_errors(server: Server) -> None:
    server.short = 1
    with pytest.raises(ModelError, match="2 choices, expected 3"):
        engine(server).sample(["the"], Sampling(samples=3), seed=0)
    renderer = Renderer(word_tokenizer())
    dead = ServerEngine(renderer, url="http://127.0.0.1:9/v1", model="policy", attempts=2, pause=0.01)
    with pytest.raises(ModelError, match=r"did not answer.*--resume"):
        dead.sample(["the"], Sampling(), seed=0)
