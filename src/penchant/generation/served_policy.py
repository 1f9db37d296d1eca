"""`ServedPolicy`: a transformers model behind the parts of the interfaces of vLLM and SGLang that training uses."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from penchant.generation.engine import generate
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
        self.lock = threading.Lock()
        self.routes: dict[str, Callable[[Mapping[str, Any]], Any]] = {
            "/v1/completions": self.complete,
            "/v1/load_lora_adapter": self.load_adapter,
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
        count, limit = _whole(body, "n", 1), _whole(body, "max_tokens", 16)
        temperature, top_p = _number(body, "temperature", 1.0, 0.0), _number(body, "top_p", 1.0, 0.0)
        stops = _stops(body.get("stop"))
        trace = Trace(count, temperature or 1.0) if body.get("logprobs") is not None and top_p == 1 else None
        with self._named(body.get("model")) as model:
            [rows] = generate(
                model,
                self.renderer.tokenizer,
                [prompt],
                samples=count,
                max_new_tokens=limit,
                temperature=temperature,
                top_p=top_p,
                stop_token_ids=self.renderer.stop_token_ids,
                seed=int(body.get("seed") or 0),
                batch_size=count,
                stop_strings=stops,
                trace=trace,
            )
        logps = {} if trace is None else trace.logps
        choices = [
            self._choice(place, ids, body, prompt, stops, logps.get((0, place))) for place, ids in enumerate(rows)
        ]
        used = {"prompt_tokens": len(prompt), "completion_tokens": sum(map(len, rows))}
        return {"object": "text_completion", "model": body.get("model", self.name), "choices": choices, "usage": used}

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
        text = self.renderer.decode(ids, skip_special_tokens=True)
        kept = cut_at(text, stops)
        ended = kept != text or (bool(ids) and ids[-1] in self.renderer.stop_token_ids)
        found: dict[str, Any] = {"index": place, "text": kept, "finish_reason": "stop" if ended else "length"}
        if body.get("return_token_ids"):
            found |= {"token_ids": ids, "prompt_token_ids": prompt}
        if logps is not None:
            named = [f"token_id:{each}" for each in ids]
            words = named if body.get("return_tokens_as_token_ids") else [self.renderer.decode([each]) for each in ids]
            found["logprobs"] = {"tokens": words, "token_logprobs": list(logps)}
        return found

    @contextlib.contextmanager
    def _named(self, name: Any) -> Iterator[Any]:
        """The model with the adapter of a name, or without any."""
        if name in self.adapters:
            self.model.set_adapter(name)
            yield self.model
        elif name is None or name == self.name:
            with self.model.disable_adapter() if self.adapters else contextlib.nullcontext():
                yield self.model
        else:
            raise BadRequest(f"There is no model {name!r}. Known: {', '.join([self.name, *self.adapters])}.", 404)

    def load_adapter(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Load an adapter of PEFT under a name: ``lora_name``, ``lora_path``."""
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
        return {"success": True}

    def unload_adapter(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Forget an adapter: ``lora_name``."""
        name = body.get("lora_name")
        if name not in self.adapters:
            raise BadRequest(f"There is no adapter {name!r}.", 404)
        del self.adapters[name]
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


def _stops(given: Any) -> tuple[str, ...]:
    stops = [given] if isinstance(given, str) else given or []
    if not isinstance(stops, list) or not all(isinstance(each, str) and each for each in stops):
        raise BadRequest("'stop' must be a text or a list of texts.")
    return tuple(stops)


def _folder(given: Any, name: str) -> str:
    if not isinstance(given, str) or not Path(given).is_dir():
        raise BadRequest(f"{name!r} must be a folder of this machine.")
    return given
