"""`ServerEngine`, which samples from a server with the OpenAI completions API (vLLM, SGLang, llama.cpp, ...)."""

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

# HTTP statuses that are retried: the server is busy or not ready yet.
PASSING = {408, 425, 429, 500, 502, 503, 504}


class ServerEngine(Engine):
    """Samples from a server by ``POST {url}/completions``.

    Prompts, including conversations, are rendered by this package and sent as text, so they equal those of training;
    the server's chat template is not used. One request returns all samples of a prompt.

    The server has its own weights, which training does not change. The API key is read from the environment variable
    ``OPENAI_API_KEY``.

    Args:
        renderer: renders prompts, and turns response texts into tokens.
        longest_prompt: ignored; the server applies its own limit.
        settings: ``url``, ``model`` and the settings of requests.

    Example:
        >>> engine = ServerEngine(renderer=None, url="http://localhost:8000/v1/", model="policy")
        >>> engine.url, engine.attempts
        ('http://localhost:8000/v1', 4)
    """

    id = "server"
    follows_policy = False

    url: Annotated[str, "address of the server up to and including /v1"]
    model: Annotated[str, "name of the model on the server"]
    parallel: Annotated[int, Gt(0), "number of concurrent requests"] = 16
    timeout: Annotated[float, Gt(0), "seconds until a request times out"] = 600.0
    attempts: Annotated[int, Gt(0), "attempts per request when the server is busy"] = 4
    pause: Annotated[float, Ge(0), "seconds before the second attempt; doubles with every further attempt"] = 1.0

    def __init__(self, renderer: Any, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(renderer, None, **settings)
        self.url = self.url.rstrip("/")
        # Not a setting: runs save their settings, and the key is a secret.
        self.key = os.environ.get("OPENAI_API_KEY")

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """See `penchant.generation.Engine`; the server decides whether the seed makes responses deterministic.

        Raises:
            ModelError: the server cannot be reached, rejects the request, or returns an unexpected response.
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
                f"The server returned {found}, expected {sampling.samples}.",
                where=self.url,
                fix="Check that the server supports the parameter n of the OpenAI completions API.",
            )
        return [self._response(prompt, choice) for choice in choices]

    def _response(self, prompt: Text, choice: dict[str, Any]) -> Response:
        text, finished = str(choice.get("text", "")), choice.get("finish_reason") != "length"
        ids = self.renderer.sampled_ids(prompt, text)
        # A response that stopped at the length limit has no end token.
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
            f"The server did not answer ({reason}).",
            where=f"{self.url}/completions",
            fix="Check that it runs, that the url ends in /v1, and the name of the model; then continue with --resume.",
        )
