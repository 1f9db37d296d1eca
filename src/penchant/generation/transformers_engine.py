"""The engine in this process: a model of transformers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from penchant.feedback.records import Text
from penchant.generation.engine import generate
from penchant.generation.responses import Response, Sampling
from penchant.rendering.rendering import Renderer

__all__ = ["TransformersEngine"]


class TransformersEngine:
    """Samples from a model in memory; all samples of a prompt share one pass over it.

    Args:
        model: a causal language model of transformers, possibly one that is being trained.
        renderer: writes prompts as training does.
        batch_size: responses generated at once.
        max_length: most tokens of a prompt; longer ones lose their left side. None for no limit.
    """

    def __init__(
        self, model: nn.Module, renderer: Renderer, *, batch_size: int = 256, max_length: int | None = None
    ) -> None:
        self.model, self.renderer = model, renderer
        self.batch_size, self.max_length = batch_size, max_length

    def prompt_ids(self, prompt: Text) -> list[int]:
        """The tokens of a prompt, at most as many as the context holds."""
        ids = self.renderer.prompt_ids(prompt)
        return ids if self.max_length is None else ids[-self.max_length :]

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """See `penchant.generation.Engine`; the same seed and batch size give the same responses."""
        stops = set(self.renderer.stop_token_ids)
        generated = generate(
            self.model,
            self.renderer.tokenizer,
            [self.prompt_ids(prompt) for prompt in prompts],
            samples=sampling.samples,
            max_new_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop_token_ids=list(stops),
            seed=seed,
            batch_size=self.batch_size,
        )
        return [[self._response(tokens, stops) for tokens in several] for several in generated]

    def _response(self, tokens: list[int], stops: set[int]) -> Response:
        text = self.renderer.decode(tokens, skip_special_tokens=True)
        return Response(text, tuple(tokens), bool(tokens) and tokens[-1] in stops)
