"""`ServedPolicy`: a transformers model behind the parts of the interfaces of vLLM and SGLang that training uses."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from penchant.generation.engine import generate
from penchant.generation.server_bodies import STATED
from penchant.generation.stopping import cut_at
from penchant.generation.trace import Trace
from penchant.likelihood.core import core_model
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["BadRequest", "ServedPolicy"]

# Most responses, and most tokens of each, that one request may ask for.
MOST = 4096


class BadRequest(Exception):
    """A request that cannot be answered; the message is sent to the client with the status.

    Args:
        message: what is wrong with it.
        status: of HTTP.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class ServedPolicy:
    """Answers completions, and takes new weights or adapters from folders of this machine.

    One request is answered at a time. Log-probabilities are those of the distribution that is drawn from.

    Args:
        source: the model's folder or hub id.
        name: what requests call it; the source by default.

    Raises:
        ModelError: it cannot be loaded.
    """

    def __init__(self, source: str, name: str | None = None) -> None:
        self.name, self.source = name or source, source
        self.renderer = Renderer(load_tokenizer(source))
        self.model: Any = load_model(source).eval()
        self.adapters: dict[str, str] = {}
        self.named: set[str] = set()  # adapters that are asked for by the name of a model, as in vLLM
        self.lock = threading.Lock()
        self.routes: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "/v1/completions": self.complete,
            "/generate": self.generate,
            "/v1/load_lora_adapter": lambda body: self.load_adapter(body, named=True),
            "/v1/unload_lora_adapter": self.unload_adapter,
            "/load_lora_adapter": self.load_adapter,
            "/unload_lora_adapter": self.unload_adapter,
            "/update_weights_from_disk": self.update_weights,
            "/collective_rpc": self.call_workers,
            "/reset_prefix_cache": lambda body: {"success": True},
        }

    def answer(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a POST request.

        Args:
            path: of the address.
            body: the parsed JSON.

        Raises:
            BadRequest: there is no such path, or the request is wrong.
        """
        if path not in self.routes:
            raise BadRequest(f"There is no {path} here.", 404)
        with self.lock:
            return self.routes[path](body)

    def models(self) -> dict[str, Any]:
        """The names that requests may use, in the form of OpenAI's list of models."""
        return {"object": "list", "data": [{"id": each, "object": "model"} for each in (self.name, *self.adapters)]}

    def complete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """OpenAI's completions for one prompt, a text or token ids, with ``return_token_ids`` and ``logprobs``."""
        prompt = self._prompt(body.get("prompt"))
        known = body.get("logprobs") is not None
        with self._asked(body) as model:
            rows, logps = self._drawn(model, prompt, body, "max_tokens", known)
        choices = [
            self._choice(place, ids, body, prompt, _stops(body.get("stop")), each)
            for place, (ids, each) in enumerate(zip(rows, logps, strict=True))
        ]
        used = {"prompt_tokens": len(prompt), "completion_tokens": sum(map(len, rows))}
        return {"object": "text_completion", "model": body.get("model", self.name), "choices": choices, "usage": used}

    def generate(self, body: Mapping[str, Any]) -> Any:
        """SGLang's ``/generate`` for one prompt: ``text`` or ``input_ids``, ``sampling_params``, ``return_logprob``."""
        asked = body.get("sampling_params") or {}
        if not isinstance(asked, dict):
            raise BadRequest("'sampling_params' must be an object.")
        prompt = self._prompt(body.get("input_ids", body.get("text")))
        with self._asked(body) as model:
            rows, logps = self._drawn(model, prompt, asked, "max_new_tokens", bool(body.get("return_logprob")))
        found = []
        for ids, each in zip(rows, logps, strict=True):
            text, reason = self._text_of(ids, _stops(asked.get("stop")))
            facts: dict[str, Any] = {"finish_reason": {"type": reason}, "completion_tokens": len(ids)}
            if each is not None:
                pairs = zip(each, ids, strict=True)
                facts["output_token_logprobs"] = [[value, token, None] for value, token in pairs]
            found.append({"text": text, "output_ids": ids, "meta_info": facts})
        return found[0] if len(found) == 1 else found

    def _drawn(
        self, model: Any, prompt: list[int], asked: Mapping[str, Any], limit: str, known: bool
    ) -> tuple[list[list[int]], list[tuple[float, ...] | None]]:
        """The samples of a prompt and, where they are asked for and known, their log-probabilities."""
        _neutral(asked)
        count, temperature = _whole(asked, "n", 1), _number(asked, "temperature", 1.0, 0.0)
        top_p = _number(asked, "top_p", 1.0, 0.0)
        trace = Trace(count, temperature or 1.0) if known and top_p == 1 else None
        [rows] = generate(
            model,
            self.renderer.tokenizer,
            [prompt],
            samples=count,
            max_new_tokens=_whole(asked, limit, 16),
            temperature=temperature,
            top_p=top_p,
            stop_token_ids=self.renderer.stop_token_ids,
            seed=int(asked.get("seed") or 0),
            batch_size=count,
            stop_strings=_stops(asked.get("stop")),
            trace=trace,
        )
        logps = {} if trace is None else trace.logps
        return rows, [logps.get((0, place)) for place in range(len(rows))]

    def _prompt(self, given: Any) -> list[int]:
        if isinstance(given, str) and given:
            return list(self.renderer.tokenizer(given)["input_ids"])
        if isinstance(given, list) and given and all(isinstance(each, int) for each in given):
            return given
        raise BadRequest("'prompt' must be one text or one list of token ids.")

    def _choice(
        self,
        place: int,
        ids: list[int],
        body: Mapping[str, Any],
        prompt: list[int],
        stops: tuple[str, ...],
        logps: tuple[float, ...] | None,
    ) -> dict[str, Any]:
        text, reason = self._text_of(ids, stops)
        found: dict[str, Any] = {"index": place, "text": text, "finish_reason": reason}
        if body.get("return_token_ids"):
            found |= {"token_ids": ids, "prompt_token_ids": prompt}
        if logps is not None:
            named = [f"token_id:{each}" for each in ids]
            words = named if body.get("return_tokens_as_token_ids") else [self.renderer.decode([each]) for each in ids]
            found["logprobs"] = {"tokens": words, "token_logprobs": list(logps)}
        return found

    def _text_of(self, ids: list[int], stops: tuple[str, ...]) -> tuple[str, str]:
        """The text of a response, and how it ended."""
        text = self.renderer.decode(ids, skip_special_tokens=True)
        kept = cut_at(text, stops)
        ended = kept != text or (bool(ids) and ids[-1] in self.renderer.stop_token_ids)
        return kept, "stop" if ended else "length"

    @contextlib.contextmanager
    def _asked(self, body: Mapping[str, Any]) -> Iterator[Any]:
        """The model with the adapter that a request names, or without any.

        vLLM's clients name an adapter as the model; SGLang's by ``lora_path``, or behind the model's name and a colon.
        """
        model, adapter = body.get("model"), body.get("lora_path")
        if adapter is None and isinstance(model, str) and model.rpartition(":")[2] in self.adapters:
            base, _, last = model.rpartition(":")
            model, adapter = (base or None, last) if base or last in self.named else (model, None)
        if adapter is None and model in (None, self.name):
            with self.model.disable_adapter() if self.adapters else contextlib.nullcontext():
                yield self.model
        elif adapter in self.adapters and model in (None, self.name):
            self.model.set_adapter(adapter)
            yield self.model
        else:
            raise BadRequest(
                f"There is no model {adapter or model!r}. Known: {', '.join([self.name, *self.adapters])}.", 404
            )

    def load_adapter(self, body: Mapping[str, Any], named: bool = False) -> dict[str, Any]:
        """Load an adapter of PEFT under a name: ``lora_name``, ``lora_path``.

        Args:
            body: the request.
            named: requests may give its name as that of a model.
        """
        from peft import PeftModel

        name, place = str(body.get("lora_name") or ""), _folder(body.get("lora_path"), "lora_path")
        if not name or name == self.name:
            raise BadRequest("'lora_name' must be a name of its own.")
        if name in self.adapters:
            if not body.get("load_inplace"):
                raise BadRequest(f"The adapter {name!r} has already been loaded.")
            self.unload_adapter(body)
        if self.adapters:
            self.model.load_adapter(place, adapter_name=name)
        else:
            self.model = PeftModel.from_pretrained(core_model(self.model), place, adapter_name=name).eval()
        self.adapters[name] = place
        self.named |= {name} if named else set()
        return {"success": True}

    def unload_adapter(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Forget an adapter: ``lora_name``."""
        name = body.get("lora_name")
        if name not in self.adapters:
            raise BadRequest(f"There is no adapter {name!r}.", 404)
        del self.adapters[name]
        self.named.discard(name)
        if self.adapters:
            self.model.delete_adapter(name)
        else:
            self.model = self.model.unload()
        return {"success": True}

    def update_weights(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """SGLang's way to new weights: ``model_path``, a folder with the same model."""
        place = _folder(body.get("model_path"), "model_path")
        fresh = load_model(place).state_dict()
        core = core_model(self.model)
        if self.adapters:
            raise BadRequest("Unload the adapters first; they belong to the present weights.")
        own = core.state_dict()
        if {name: each.shape for name, each in fresh.items()} != {name: each.shape for name, each in own.items()}:
            raise BadRequest("'model_path' holds another model.")
        core.load_state_dict(fresh)
        return {"success": True, "message": "weights updated"}

    def call_workers(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """vLLM's way to new weights: the method ``reload_weights`` with ``weights_path``."""
        if body.get("method") != "reload_weights":
            raise BadRequest("The only method is 'reload_weights'.")
        self.update_weights({"model_path": (body.get("kwargs") or {}).get("weights_path")})
        return {"results": [None]}


def _whole(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise BadRequest(f"{name!r} must be a whole number from 1 to {MOST}.")
    return value


def _number(body: Mapping[str, Any], name: str, default: float, least: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
        raise BadRequest(f"{name!r} must be a number, at least {least:g}.")
    return float(value)


def _neutral(body: Mapping[str, Any]) -> None:
    """Refuse settings of sampling that this server does not follow."""
    for name, neutral in STATED.items():
        if body.get(name) not in (None, neutral) and not (name == "top_k" and body[name] == 0):
            raise BadRequest(f"{name!r} is not supported here; leave it out, or give {neutral:g}.")


def _stops(given: Any) -> tuple[str, ...]:
    stops = [given] if isinstance(given, str) else given or []
    if not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops):
        raise BadRequest("'stop' must be a text or a list of texts.")
    return tuple(stops)


def _folder(given: Any, name: str) -> str:
    if not isinstance(given, str) or not Path(given).is_dir():
        raise BadRequest(f"{name!r} must be a folder of this machine.")
    return given
