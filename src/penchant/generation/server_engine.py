"""The engine that asks a server with OpenAI's completion interface (vLLM, SGLang, llama.cpp, ...)."""

from __future__ import annotations

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any

from annotated_types import Ge, Gt

from penchant.errors import ModelError
from penchant.feedback.records import Text
from penchant.generation.engines import Engine
from penchant.generation.responses import Response, Sampling

__all__ = ["ServerEngine"]

# Statuses after which a second attempt may succeed: too busy, or not up yet.
PASSING = {408, 425, 429, 500, 502, 503, 504}


class ServerEngine(Engine):
    """Samples from a server by ``POST {url}/completions``.

    Prompts are sent as text that this package's renderer wrote, so they are what training sees; a conversation too is
    sent as rendered text and not through the server's own template. One request asks for all samples of a prompt.

    A server keeps its own weights: training does not change them. Its key is read from the environment's
    ``OPENAI_API_KEY``.

    Args:
        renderer: writes prompts, and turns texts back into tokens.
        longest_prompt: not used; the server has a limit of its own.
        settings: ``url``, ``model`` and how to ask.

    Example:
        >>> engine = ServerEngine(renderer=None, url="http://localhost:8000/v1/", model="policy")
        >>> engine.url, engine.attempts
        ('http://localhost:8000/v1', 4)
    """

    id = "server"
    follows_policy = False

    url: Annotated[str, "address of the server up to and including /v1"]
    model: Annotated[str, "the name under which the server knows the model"]
    parallel: Annotated[int, Gt(0), "requests that wait for an answer at the same time"] = 16
    timeout: Annotated[float, Gt(0), "seconds to wait for an answer"] = 600.0
    attempts: Annotated[int, Gt(0), "how often a request is made that a busy server refuses"] = 4
    pause: Annotated[float, Ge(0), "seconds before the second attempt; it doubles with each"] = 1.0

    def __init__(self, renderer: Any, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(renderer, None, **settings)
        self.url = self.url.rstrip("/")
        # A secret has no place among the settings, which a run writes down.
        self.key = os.environ.get("OPENAI_API_KEY")

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """See `penchant.generation.Engine`; whether the seed decides the responses is up to the server.

        Raises:
            ModelError: the server cannot be reached, refuses, or gives another answer than was asked for.
        """

        def ask(place: int) -> list[Response]:
            return self._ask(prompts[place], sampling, seed + place)

        with ThreadPoolExecutor(max_workers=self.parallel) as pool:
            return list(pool.map(ask, range(len(prompts))))

    def _ask(self, prompt: Text, sampling: Sampling, seed: int) -> list[Response]:
        body = {
            "model": self.model,
            "prompt": self.renderer.prompt_text(prompt),
            "n": sampling.samples,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
        }
        answer = self._post(body)
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if not isinstance(choices, list) or len(choices) != sampling.samples:
            found = f"{len(choices)} choices" if isinstance(choices, list) else "no list 'choices'"
            raise ModelError(
                f"The server answered with {found}, expected {sampling.samples}.",
                where=self.url,
                fix="Check that it supports the parameter n of OpenAI's completions.",
            )
        return [self._response(prompt, choice) for choice in choices]

    def _response(self, prompt: Text, choice: dict[str, Any]) -> Response:
        text, finished = str(choice.get("text", "")), choice.get("finish_reason") != "length"
        ids = self.renderer.response_ids(prompt, text)
        # A text that was cut off at the limit has no end token.
        return Response(text, tuple(ids if finished else ids[:-1]), finished)

    def _post(self, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        data = json.dumps(body).encode("utf-8")
        reason = ""
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(self.pause * 2 ** (attempt - 1))
            request = urllib.request.Request(f"{self.url}/completions", data=data, headers=headers)
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as error:
                reason = f"status {error.code}: {error.read()[:200].decode('utf-8', 'replace').strip()}"
                if error.code not in PASSING:
                    break
            except (OSError, ValueError) as error:
                reason = str(getattr(error, "reason", error))
        raise ModelError(
            f"The server gave no answer ({reason}).",
            where=f"{self.url}/completions",
            fix="Check that it runs, that the address ends in /v1, and the model's name; then continue with --resume.",
        )
