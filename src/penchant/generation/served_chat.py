"""`ServedChat`: a served policy that also answers conversations, as LLM judges ask them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from penchant.errors import PenchantError
from penchant.generation.served_policy import BadRequest, ServedPolicy
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer

__all__ = ["ServedChat"]

#: Likely tokens that a request may ask for at each place.
LIKELIEST = 20
#: Tokens of an answer where a request names no limit and the model has no context length.
USUAL = 256


class ServedChat(ServedPolicy):
    """Answers ``/v1/chat/completions`` too, with ``logprobs`` and ``top_logprobs``.

    A conversation that does not fit into the model's context with its answer is refused, as other servers do.

    Args:
        source: the model's folder or hub id.
        name: what requests call it; the source by default.
        chat_template: ``plain``, ``chatml``, or a Jinja file, for a tokenizer without a template.

    Raises:
        ModelError: it cannot be loaded.
        ConfigurationError: there is no such template.
    """

    def __init__(self, source: str, name: str | None = None, chat_template: str | None = None) -> None:
        super().__init__(source, name)
        self.renderer = Renderer(load_tokenizer(source), chat_template=chat_template)
        self.routes["/v1/chat/completions"] = self.chat

    def chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """OpenAI's chat completions for one conversation.

        Raises:
            BadRequest: the conversation cannot be rendered, or is too long.
        """
        prompt = self._conversation(body.get("messages"))
        limit = self._limit(body, len(prompt))
        likely = self._likeliest(body)
        given = {
            name: value for name, value in body.items() if name not in ("logprobs", "messages") and value is not None
        }
        done = self.complete({**given, "prompt": prompt, "max_tokens": limit, "return_token_ids": True})
        choices = []
        for each in done["choices"]:
            message = {"role": "assistant", "content": each["text"]}
            found = {"index": each["index"], "message": message, "finish_reason": each["finish_reason"]}
            if likely is not None:
                found["logprobs"] = {"content": self._scored(body, prompt, each["token_ids"], likely)}
            choices.append(found)
        usage = {**done["usage"], "total_tokens": sum(done["usage"].values())}
        return {**done, "object": "chat.completion", "choices": choices, "usage": usage}

    def _conversation(self, messages: Any) -> list[int]:
        known = isinstance(messages, list) and messages and all(isinstance(each, dict) for each in messages)
        if not known or not all(isinstance(each.get("role"), str) for each in messages):
            raise BadRequest("'messages' must be a list of messages, each with a role and a content.")
        try:
            return self.renderer.prompt_ids(messages)
        except PenchantError as error:
            raise BadRequest(str(error)) from error

    def _limit(self, body: Mapping[str, Any], used: int) -> int:
        """Tokens of the answer; the rest of the context where none are named."""
        context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        room = USUAL if context is None else context - used
        wanted = body.get("max_completion_tokens") or body.get("max_tokens") or max(1, min(room, USUAL))
        if context is not None and isinstance(wanted, int) and used + wanted > context:
            raise BadRequest(
                f"This model's maximum context length is {context} tokens, and the request has {used} in its messages "
                f"and {wanted} in the completion."
            )
        return wanted  # type: ignore[no-any-return]  # checked where it is used

    @staticmethod
    def _likeliest(body: Mapping[str, Any]) -> int | None:
        """How many likely tokens are asked for at each place; None where no log-probabilities are."""
        if not body.get("logprobs"):
            return None
        count = body.get("top_logprobs") or 0
        if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= LIKELIEST:
            raise BadRequest(f"'top_logprobs' must be a whole number from 0 to {LIKELIEST}.")
        return count

    @torch.no_grad()
    def _scored(self, body: Mapping[str, Any], prompt: list[int], ids: list[int], likely: int) -> list[dict[str, Any]]:
        """Each token of an answer with its log-probability and those of the likeliest ones, at temperature 1."""
        if not ids:
            return []
        with self._asked(body) as model:
            logits = model(input_ids=torch.tensor([prompt + ids], device=model.device)).logits[0]
        table = torch.log_softmax(logits[len(prompt) - 1 : -1].float(), dim=-1)
        found = []
        for own, row in zip(ids, table, strict=True):
            top = row.topk(likely) if likely else None
            pairs = [] if top is None else zip(top.indices.tolist(), top.values.tolist(), strict=True)
            shown = [{"token": self.renderer.decode([token]), "logprob": logp} for token, logp in pairs]
            found.append({"token": self.renderer.decode([own]), "logprob": float(row[own]), "top_logprobs": shown})
        return found
