"""A random model that writes lines, prompts for it, and trees that samplers grow with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from penchant.feedback.records import Prompt, Record, Source
from penchant.generation import build_engine
from penchant.generation.responses import Sampling
from penchant.lab.worlds.language.model import tiny_model
from penchant.lab.worlds.sums.world import build_tokenizer
from penchant.online.samplers.sampler import Drawn, Means, Sampler
from penchant.rendering.renderer import Renderer
from penchant.rewards.functions import FunctionJudge

PROMPTS = [
    Prompt(prompt=prompt, source=Source("sums", number), fields={"answer": answer})
    for number, (prompt, answer) in enumerate([("1+2+3:", "6"), ("4+5+6+7:", "22"), ("8+9:", "17")], 1)
]


def line_engine() -> Any:
    """The engine of a random model that often ends a line, and now and then a response."""
    tokenizer = build_tokenizer("\n:?")
    model = tiny_model(tokenizer, seed=3, hidden=32)
    engine = build_engine({"name": "transformers"}, Renderer(tokenizer))
    engine.use(_Leaning(model, {tokenizer.convert_tokens_to_ids("\n"): 2.0, tokenizer.eos_token_id: 1.0}))
    return engine


class _Leaning(torch.nn.Module):
    """A model with some logits raised."""

    def __init__(self, model: Any, raised: dict[int, float]) -> None:
        super().__init__()
        self.inner, self.raised, self.config = model, raised, model.config
        self._is_stateful = False

    def forward(self, input_ids: Any, attention_mask: Any = None, position_ids: Any = None, past_key_values: Any = None,
                use_cache: bool = False, logits_to_keep: int = 0) -> Any:  # fmt: skip
        output = self.inner(
            input_ids=input_ids, attention_mask=attention_mask, position_ids=position_ids,
            past_key_values=past_key_values, use_cache=use_cache, logits_to_keep=logits_to_keep,
        )  # fmt: skip
        for token, more in self.raised.items():
            output.logits[..., token] += more
        return output


def right_sums(function: Callable[..., float | None]) -> FunctionJudge:
    """A judge of a function of prompt and response."""
    return FunctionJudge(function)


def grown(sampler: Sampler, records: Sequence[Record], *, seed: int = 7, judge: Any = None) -> list[Drawn]:
    """What a sampler finds for prompts, with the random model."""
    from penchant.rewards import Verifier

    chosen = judge or Verifier([(str(each.prompt), each.fields["answer"]) for each in records])
    means = Means(line_engine(), chosen)
    sampler.check(means, records)
    return sampler.draw(records, means, Sampling(samples=4, max_new_tokens=40), seed=seed)
