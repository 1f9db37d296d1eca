"""`InProcessEngine`, the base of engines that sample from a transformers model in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

from annotated_types import Gt

from penchant.errors import ConfigurationError, ModelError, nearest
from penchant.feedback.records import Text
from penchant.generation.beside import Beside
from penchant.generation.engine import Guide, generate
from penchant.generation.engines import Engine
from penchant.generation.memory import Memory
from penchant.generation.prefix import PrefixCache
from penchant.generation.responses import Response, Sampling
from penchant.generation.stopping import cut_at
from penchant.generation.trace import Trace
from penchant.rendering.renderer import Renderer

__all__ = ["InProcessEngine"]

# Arguments of ``generate`` that follow from the engine and the sampling settings.
OWN = (
    *("do_sample", "temperature", "top_p", "max_new_tokens", "max_length", "eos_token_id", "pad_token_id", "use_cache"),
    *("num_return_sequences", "num_beams", "return_dict_in_generate", "stop_strings"),
)


class InProcessEngine(Engine):
    """Base class: samples from a model in memory; all samples of a prompt share one prefill.

    A subclass may say what guides generation (`guide`).

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: ``batch_size`` and ``options``.

    Attributes:
        prefix: keys and values of tokens with which prompts begin; None without.
        memory: keys and values of what was read and written before; None where nothing is kept from call to call.
        stop_strings: texts that end a response, and are not part of its text.
        beside: another model that is mixed in at every token; None without.
    """

    batch_size: Annotated[int, Gt(0), "responses generated per batch"] = 256
    options: Annotated[
        dict[str, Any] | None, "further arguments of generate of transformers: {repetition_penalty: 1.1, min_p: 0.05}"
    ] = None

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        super().__init__(renderer, longest_prompt, **settings)
        _check_options(self.options or {})
        self.model: Any = None
        self.at_once = self.batch_size
        self.prefix: PrefixCache | None = None
        self.memory: Memory | None = None
        self.stop_strings: tuple[str, ...] = ()
        self.beside: Beside | None = None

    def use(self, policy: Any) -> None:
        """Set the causal language model to sample from."""
        self.model = policy

    def alters(self) -> list[str]:
        """See `Engine.alters`: options of generation, and whatever guides it."""
        guided = type(self).guide is not InProcessEngine.guide or type(self).sample is not InProcessEngine.sample
        return [*([self.id] if guided else []), *(self.options or {})]

    def guide(self, prompts: Sequence[Text], sampling: Sampling) -> Guide | None:
        """What guides the generation of responses to these prompts; by default a model beside it, or nothing (None)."""
        if self.beside is None:
            return None
        return self.beside.guide([self.prompt_ids(prompt) for prompt in prompts], sampling.samples)

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """See `penchant.generation.Engine`; the same seed and batch size give the same responses.

        Raises:
            ModelError: no model was set with `use`.
        """
        self._check()
        stops, trace = set(self.renderer.stop_token_ids), self._trace(sampling)
        texts = (*self.stop_strings, *sampling.stop)
        generated = self._generated(
            [self.prompt_ids(prompt) for prompt in prompts],
            sampling,
            seed,
            samples=sampling.samples,
            guide=self.guide(prompts, sampling),
            prefix=self.prefix,
            memory=self.memory,
            trace=trace,
        )
        logps = {} if trace is None else trace.logps
        return [
            [self._response(tokens, stops, texts, logps.get((place, row))) for row, tokens in enumerate(several)]
            for place, several in enumerate(generated)
        ]

    def continued(
        self, prompts: Sequence[Text], begun: Sequence[Sequence[int]], sampling: Sampling, *, seed: int
    ) -> list[Response]:
        """One response to each prompt that begins with given tokens, which the policy did not write.

        Args:
            prompts: P prompts.
            begun: P lists of tokens, which may be empty.
            sampling: how the rest is sampled; its limit of tokens is that of the rest.
            seed: of the sampling.

        Raises:
            ModelError: no model was set with `use`.
        """
        stops = set(self.renderer.stop_token_ids)
        whole = [[*self.prompt_ids(prompt), *start] for prompt, start in zip(prompts, begun, strict=True)]
        rests = self._generated(whole, sampling, seed)
        return [
            replace(
                self._response([*start, *rest], stops, (*self.stop_strings, *sampling.stop)),
                learned=(False,) * len(start) + (True,) * len(rest),
            )
            for start, [rest] in zip(begun, rests, strict=True)
        ]

    def _check(self) -> None:
        if self.model is None:
            raise ModelError("The engine has no model to sample from.", fix="Call engine.use(model) first.")

    def _generated(
        self, prompts: Sequence[Sequence[int]], sampling: Sampling, seed: int, **more: Any
    ) -> list[list[list[int]]]:
        """What the model writes after tokens.

        Raises:
            ModelError: no model was set with `use`.
        """
        self._check()
        assert self.model is not None
        return generate(
            self.model,
            self.renderer.tokenizer,
            prompts,
            max_new_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_token_ids=list(self.renderer.stop_token_ids),
            seed=seed,
            batch_size=self.batch_size,
            stop_strings=(*self.stop_strings, *sampling.stop),
            options=self.options,
            **more,
        )

    def _trace(self, sampling: Sampling) -> Trace | None:
        """What records log-probabilities, where the distribution is the model's own."""
        exact = sampling.temperature > 0 and sampling.top_p == 1 and not self.alters()
        return Trace(sampling.traced, sampling.temperature) if sampling.traced and exact else None

    def _response(
        self,
        tokens: list[int],
        stops: set[int],
        texts: Sequence[str] | None = None,
        logps: tuple[float, ...] | None = None,
    ) -> Response:
        text = self.renderer.decode(tokens, skip_special_tokens=True)
        kept = cut_at(text, self.stop_strings if texts is None else texts)
        finished = kept != text or (bool(tokens) and tokens[-1] in stops)
        return Response(kept, tuple(tokens), finished, logps=logps)


def _check_options(options: dict[str, Any]) -> None:
    """Refuse what generate does not know, and what the sampling settings decide."""
    from transformers import GenerationConfig

    known = {name for name in vars(GenerationConfig()) if not name.startswith("_")} - set(OWN)
    wrong = next((name for name in options if name not in known), None)
    if wrong is not None:
        why = "The engine or the sampling settings decide it." if wrong in OWN else nearest(wrong, known)
        raise ConfigurationError(
            f"{wrong!r} is not an option of generation that can be given.",
            where="engine.options",
            fix=f"{why} Examples: repetition_penalty, min_p, top_k, no_repeat_ngram_size.",
        )
