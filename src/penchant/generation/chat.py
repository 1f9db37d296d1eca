"""`Chat`: a conversation with a causal language model, rendered as in training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penchant.generation.engine import generate
from penchant.generation.responses import Sampling
from penchant.rendering.renderer import Renderer

__all__ = ["Chat"]


class Chat:
    """A conversation with a model. Without a chat template every message is a prompt of its own, a plain text.

    Args:
        model: the causal language model.
        renderer: renders the conversation.
        sampling: how responses are sampled.
        system: system message at the start, or None.
        limit: maximum tokens of conversation and response; the conversation is cut on the left to fit. None: no limit.
        seed: of the sampling; every turn has a seed of its own.
    """

    def __init__(
        self,
        model: Any,
        renderer: Renderer,
        sampling: Sampling,
        *,
        system: str | None = None,
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        self.model, self.renderer, self.sampling = model, renderer, sampling
        self.system, self.limit, self.seed = system, limit, seed
        self.messages: list[dict[str, Any]] = []
        self.reset()

    @property
    def remembers(self) -> bool:
        """Whether earlier turns are part of the prompt: the model has a chat template."""
        return self.renderer.chat_template is not None

    def reset(self) -> None:
        """Forget the conversation, except for the system message."""
        self.messages = [] if self.system is None else [{"role": "system", "content": self.system}]

    def ask(self, text: str, show: Callable[[str], None] | None = None) -> str:
        """Answer a message.

        Args:
            text: the message.
            show: called with every piece of the answer as soon as it is generated.

        Returns:
            The answer.

        Raises:
            ModelError, DataError: the conversation cannot be rendered.
        """
        prompt: Any = [*self.messages, {"role": "user", "content": text}] if self.remembers else text
        ids = self.renderer.prompt_ids(prompt)
        if self.limit is not None:
            ids = ids[-max(1, self.limit - self.sampling.max_new_tokens) :]
        [[tokens]] = generate(
            self.model,
            self.renderer.tokenizer,
            [ids],
            max_new_tokens=self.sampling.max_new_tokens,
            temperature=self.sampling.temperature,
            top_p=self.sampling.top_p,
            stop_token_ids=self.renderer.stop_token_ids,
            seed=self.seed + len(self.messages),
            streamer=None if show is None else _streamer(self.renderer.tokenizer, show),
        )
        answer = self.renderer.decode(tokens, skip_special_tokens=True)
        if self.remembers:
            self.messages = [*prompt, {"role": "assistant", "content": answer}]
        return answer


def _streamer(tokenizer: Any, show: Callable[[str], None]) -> Any:
    from transformers import TextStreamer

    class Shown(TextStreamer):
        """Passes on the text of whole words."""

        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            show(text)

    return Shown(tokenizer, skip_prompt=True, skip_special_tokens=True, clean_up_tokenization_spaces=False)
