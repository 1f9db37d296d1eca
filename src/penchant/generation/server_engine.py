"""`ServerEngine`, which samples from a server with the OpenAI completions API (vLLM, SGLang, llama.cpp, ...)."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

from penchant.addresses import checked, is_local, shown
from penchant.errors import DataError, ModelError
from penchant.feedback.records import Text
from penchant.generation.asks_server import AsksServer
from penchant.generation.completion import choices_of, ids_in, longest_answer, responses_in
from penchant.generation.engines import Engine, SaveWeights
from penchant.generation.requests import Requests, key_in
from penchant.generation.responses import Response, Sampling
from penchant.generation.server_bodies import completions_body, generate_body

__all__ = ["ServerEngine"]

log = logging.getLogger("penchant")


class ServerEngine(AsksServer, Engine):
    """Samples from a server by ``POST {url}/completions``, or by SGLang's own ``/generate``.

    Prompts, including conversations, are rendered by this package and sent as text or token ids, so they equal those of
    training; the server's chat template is not used. One request returns all samples of a prompt. Every setting of
    sampling is sent, so that none comes from the ``generation_config.json`` of the served model.

    The server has its own weights; with ``update`` those of the policy are sent to it before each round. Token ids and
    log-probabilities are asked for, and trained on as they are; a policy gradient refuses a server that gives no ids.
    The API key is read from the environment variable
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
    tokens: Annotated[
        bool, "ask for token ids and log-probabilities; without, texts are tokenised again, which may differ"
    ] = True
    logprobs: Annotated[
        Literal["processed", "raw"],
        "what the server's log-probabilities are of: the distribution that it draws from, or temperature 1 (vLLM's "
        "default, which --logprobs-mode processed_logprobs changes)",
    ] = "processed"
    interface: Annotated[
        Literal["completions", "generate"],
        "how samples are asked for: OpenAI's completions, or /generate of SGLang, whose every version gives token ids",
    ] = "completions"
    update: Annotated[
        Literal["none", "vllm", "vllm-lora", "sglang", "sglang-lora"],
        "how the policy's weights are sent before each round: whole, or as a LoRA adapter; the server reads them from "
        "the run's folder",
    ] = "none"

    def __init__(self, renderer: Any, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(renderer, None, **settings)
        # Neither is a setting: runs save their settings, and both may hold secrets.
        self.address = checked(self.url, "engine.url")
        self.key = key_in("OPENAI_API_KEY")
        self.url, self.room = shown(self.address), longest_prompt
        self.updated, self.served, self.warned = self.update != "none", self.model, False

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

        exact = sampling.traced > 0

        own = self.interface == "generate"

        def read(place: int, answer: Any) -> list[Response]:
            ids_of = partial(self.renderer.sampled_ids, prompts[place])
            answer = choices_of(answer) if own else answer
            found = responses_in(answer, sampling, ids_of, self.renderer.stop_token_ids)
            if any(ids_in(choice) is None for choice in answer["choices"]):
                self._without_ids(exact)
            return [self._drawn(each, sampling) for each in found]

        bodies = [self._body(prompt, sampling, seed + place) for place, prompt in enumerate(prompts)]
        return self._requests(self.interface, root=own).ask(bodies, read, longest=longest_answer(sampling))

    def _requests(self, path: str, root: bool = False, plain: bool = False) -> Requests:
        """Requests to a path below the address, or below the root of the server."""
        address = self.address
        if root:
            parts = urlsplit(address)
            address = urlunsplit(parts._replace(path=parts.path.removesuffix("/v1")))
        return Requests(address, path, self.key, self.patience(), self.parallel, plain=plain)

    def _without_ids(self, exact: bool) -> None:
        """Refuse, or say once, that a server gives no token ids."""
        if exact:
            raise ModelError(
                "The server gives no token ids, and a text tokenised again need not give the tokens that were drawn.",
                where=self.url,
                fix="Use a server that gives them (return_token_ids of vLLM and SGLang; for an older SGLang "
                "engine.interface=generate), or sample in process.",
            )
        if self.tokens and not self.warned:
            self.warned = True
            log.warning("The server %s gives no token ids; its texts are tokenised again, which may differ.", self.url)

    def _drawn(self, response: Response, sampling: Sampling) -> Response:
        """A response with log-probabilities only where they are of the distribution that was drawn from."""
        known = self.logprobs == "processed" or (sampling.temperature == 1 and sampling.top_p == 1)
        return response if known else replace(response, logps=None)

    def _body(self, prompt: Text, sampling: Sampling, seed: int) -> dict[str, Any]:
        """The request for all samples of a prompt."""
        exact, ends = sampling.traced > 0, self.renderer.stop_token_ids
        # SGLang takes the name of an adapter in a field of its own; by the name of a model it serves the base weights.
        adapter = {"lora_path": self.served} if self.update == "sglang-lora" and self.served != self.model else {}
        if self.interface == "generate":
            return generate_body(self.renderer.prompt_ids(prompt), sampling, ends) | adapter
        # Servers that take weights take token ids too, and so add no second token of beginning to a rendered text.
        given = self.renderer.prompt_ids(prompt) if exact or self.updated else self.renderer.prompt_text(prompt)
        model = self.model if adapter else self.served
        return completions_body(model, given, sampling, seed, ends if self.tokens or exact else None) | adapter

    def receive(self, save: SaveWeights, folder: Path, version: int) -> None:
        """See `Engine.receive`: the server reads whole weights or an adapter from a folder of the run.

        Raises:
            ModelError: the server does not take them.
        """
        if not self.updated:
            return
        adapter = self.update.endswith("-lora")
        place = (folder / f"{version:05d}").resolve()
        shutil.rmtree(place, ignore_errors=True)
        save(place, adapter)
        former = self.served
        for path, body in self._updates(place, f"penchant-{version}"):
            self._requests(path, root=True, plain=True).ask([body], lambda number, answer: None, longest=2**20)
        if adapter:
            self.served = f"penchant-{version}"
            if former not in (self.served, self.model):
                self._forget(former)
        for old in folder.iterdir():
            if old.name != place.name:
                shutil.rmtree(old, ignore_errors=True)

    def _updates(self, place: Path, name: str) -> list[tuple[str, dict[str, Any]]]:
        """The requests that make the server read new weights."""
        if self.update == "sglang":
            return [("update_weights_from_disk", {"model_path": str(place)})]
        if self.update == "vllm":
            asked = {"method": "reload_weights", "kwargs": {"weights_path": str(place)}}
            return [("collective_rpc", asked), ("reset_prefix_cache", {})]
        self._forget(name)  # of a run that was stopped
        prefix = "v1/" if self.update == "vllm-lora" else ""
        return [(f"{prefix}load_lora_adapter", {"lora_name": name, "lora_path": str(place)})]

    def _forget(self, name: str) -> None:
        """Unload an adapter, if the server has it."""
        prefix = "v1/" if self.update == "vllm-lora" else ""
        with contextlib.suppress(ModelError):
            asked = self._requests(f"{prefix}unload_lora_adapter", root=True, plain=True)
            asked.ask([{"lora_name": name}], lambda number, answer: None, longest=2**20)
