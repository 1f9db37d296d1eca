"""`ServerEngine`, which samples from a server with the OpenAI completions API (vLLM, SGLang, llama.cpp, ...)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from penchant.addresses import checked, is_local, shown
from penchant.errors import DataError
from penchant.feedback.records import Text
from penchant.generation.asks_server import AsksServer
from penchant.generation.completion import longest_answer, responses_in
from penchant.generation.engines import Engine
from penchant.generation.requests import Requests, key_in
from penchant.generation.responses import Response, Sampling

__all__ = ["ServerEngine"]


class ServerEngine(AsksServer, Engine):
    """Samples from a server by ``POST {url}/completions``.

    Prompts, including conversations, are rendered by this package and sent as text, so they equal those of training;
    the server's chat template is not used. One request returns all samples of a prompt.

    The server has its own weights, which training does not change. The API key is read from the environment variable
    ``OPENAI_API_KEY`` and sent to this address alone. An answer that is not exactly what was asked for is never used:
    the request is sent again, up to the limits of the settings.

    Args:
        renderer: renders prompts, and turns response texts into tokens.
        longest_prompt: maximum prompt length in tokens, with which a response still fits into the policy's positions.
        settings: ``url``, ``model`` and the settings of requests.

    Raises:
        ConfigurationError: the address is not one of http or https.

    Example:
        >>> engine = ServerEngine(renderer=None, url="http://localhost:8000/v1/", model="policy")
        >>> engine.url, engine.attempts
        ('http://localhost:8000/v1', 4)
    """

    id = "server"
    follows_policy = False

    url: Annotated[str, "address of the server up to and including /v1"]
    model: Annotated[str, "name of the model on the server"]

    def __init__(self, renderer: Any, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(renderer, None, **settings)
        # Neither is a setting: runs save their settings, and both may hold secrets.
        self.address = checked(self.url, "engine.url")
        self.key = key_in("OPENAI_API_KEY")
        self.url, self.room = shown(self.address), longest_prompt

    def notice(self) -> str:
        """See `Engine.notice`: where prompts and the key go."""
        key = " and the key of OPENAI_API_KEY" if self.key else ""
        open_ = self.key and self.address.startswith("http:") and not is_local(self.address)
        return f"Prompts{key} go to the server {self.url}{', without encryption' if open_ else ''}"

    def prompt_ids(self, prompt: Text) -> list[int]:
        """See `Engine.prompt_ids`; the server gets the whole prompt, so none is cut.

        Raises:
            DataError: the prompt leaves no room for a response.
        """
        ids = super().prompt_ids(prompt)
        if self.room is not None and len(ids) > self.room:
            raise DataError(
                f"The prompt has {len(ids)} tokens, but only {self.room} leave room for a response.",
                fix="Shorten it, choose a smaller max_new_tokens, or skip such records with on_bad=skip.",
            )
        return ids

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """See `penchant.generation.Engine`; the server decides whether the seed makes responses deterministic.

        Raises:
            ModelError: the server cannot be reached, rejects the request, or gives no usable answer.
        """

        def read(place: int, answer: Any) -> list[Response]:
            return responses_in(answer, sampling, lambda text: self.renderer.sampled_ids(prompts[place], text))

        patience = self.patience()
        requests = Requests(self.address, "completions", self.key, patience, self.parallel)
        bodies = [self._body(prompt, sampling, seed + place) for place, prompt in enumerate(prompts)]
        return requests.ask(bodies, read, longest=longest_answer(sampling))

    def _body(self, prompt: Text, sampling: Sampling, seed: int) -> dict[str, Any]:
        return {
            "model": self.model,
            "prompt": self.renderer.prompt_text(prompt),
            "n": sampling.samples,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed,
        }
