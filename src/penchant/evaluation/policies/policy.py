"""`Policy`: a loaded model that answers prompts, and finds responses likely or unlikely."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from penchant.evaluation.policies.checkpoints import Checkpoint
from penchant.evaluation.wins.win_rate import bootstrap_mean
from penchant.feedback.records import Text
from penchant.generation.responses import Sampling
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.loading import load_model
from penchant.likelihood.logps import sequence_logps
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.statistics import Interval

__all__ = ["Drawn", "Policy", "divergence_of", "renderers_of"]

#: Responses per forward pass that scores them.
BATCH = 16


@dataclass(frozen=True)
class Drawn:
    """A policy's own responses at temperature 1.

    Args:
        prompts: token ids of the prompts.
        responses: token ids of the responses, with the end token where one was reached.
        logps: log-probability of each under the policy, nats.
    """

    prompts: list[list[int]]
    responses: list[list[int]]
    logps: list[float]


class Policy:
    """A causal language model in memory.

    Args:
        model: folder or hub id of the weights.
        renderer: turns its prompts into tokens, see `renderers_of`.
        device: where it runs.
        room: tokens of a response, for which prompts are cut on the left if the context is short.

    Raises:
        ModelError: it cannot be loaded.
    """

    def __init__(self, model: str, renderer: Renderer, *, device: str = "cpu", room: int = 128) -> None:
        self.network = load_model(model).to(device).eval()
        self.tokenizer = renderer.tokenizer
        limit = getattr(self.network.config.get_text_config(), "max_position_embeddings", None)
        longest = None if limit is None else max(1, limit - room)
        self.engine = TransformersEngine(renderer, longest)
        self.engine.use(self.network)

    def answers(self, prompts: Sequence[Text], sampling: Sampling, seed: int) -> list[str]:
        """One response to each prompt, as text."""
        return [several[0].text for several in self.engine.sample(prompts, sampling, seed=seed)]

    def draw(self, prompts: Sequence[Text], max_new_tokens: int, seed: int) -> Drawn:
        """One response to each prompt from the model's own distribution: temperature 1, nothing cut off."""
        found = self.engine.sample(prompts, Sampling(max_new_tokens=max_new_tokens), seed=seed)
        known = [(self.engine.prompt_ids(each), list(said[0].ids)) for each, said in zip(prompts, found, strict=True)]
        known = [each for each in known if each[1]]
        ids, responses = [each[0] for each in known], [each[1] for each in known]
        return Drawn(ids, responses, self.logps(ids, responses))

    def logps(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> list[float]:
        """Log-probability of each response, nats."""
        return sequence_logps(self.network, prompts, responses, batch_size=BATCH)


def renderers_of(
    checkpoints: Sequence[Checkpoint], chat_template: str | None = None, reference: str | None = None
) -> list[Renderer]:
    """How each checkpoint, and then the reference, reads prompts: as in training.

    A reference without a chat template of its own reads them by that of the first checkpoint, which training gave to
    the model that it started from.

    Args:
        checkpoints: the models.
        chat_template: for all of them; None for their own.
        reference: folder or hub id of another model; None for none.
    """
    found = [
        Renderer(load_tokenizer(each.tokenizer or each.model), chat_template=chat_template, **each.rendering)
        for each in checkpoints
    ]
    if reference is not None:
        tokenizer, first = load_tokenizer(reference), found[0]
        template = chat_template or (None if getattr(tokenizer, "chat_template", None) else first.chat_template)
        found.append(Renderer(tokenizer, chat_template=template, **checkpoints[0].rendering))
    return found


def divergence_of(drawn: Drawn, reference: Policy, seed: int = 0) -> Interval:
    """KL(policy‖reference) of responses up to the length limit, by the policy's own samples, nats per response.

    KL ≈ mean of log π(y|x) − log π_ref(y|x),   y ~ π

    The estimate has no bias; it can lie below 0 where the two hardly differ. The interval is the 95 % bootstrap
    interval over prompts; one prompt gives none, and both ends are NaN.

    Args:
        drawn: responses of the policy.
        reference: has the same vocabulary.
        seed: of the bootstrap.
    """
    theirs = reference.logps(drawn.prompts, drawn.responses)
    apart = np.asarray(drawn.logps) - np.asarray(theirs)
    return bootstrap_mean(apart, seed=seed) if len(apart) > 1 else Interval(float(apart[0]), math.nan, math.nan)
