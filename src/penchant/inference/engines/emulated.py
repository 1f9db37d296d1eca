"""`EFTEngine`: a base model with the fine-tuning of smaller ones (emulated fine-tuning, up-scaling)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Interval
from torch import Tensor

from penchant.errors import ConfigurationError, ModelError
from penchant.feedback.records import Text
from penchant.generation.responses import Response, Sampling
from penchant.inference.companions import start_of
from penchant.inference.engines.guided import GuidedEngine
from penchant.inference.mixtures import check_weights, eft_logits
from penchant.inference.speculative import Reader, draft_and_verify
from penchant.rendering.renderer import Renderer

__all__ = ["EFTEngine"]


class EFTEngine(GuidedEngine):
    """Samples as if the policy had the fine-tuning of other models (emulated fine-tuning, EFT; up-scaling).

    log π̃(v) = log π(v) + Σ_i w_i [log π_i(v) − log π_ref(v)] − log Z at every token. The policy is the (large) base,
    π_i are tuned (small) models, π_ref is the one that they were tuned from. Several tuned models mix behaviours; a
    negative weight moves away from one.

    Args:
        renderer: renders prompts as in training.
        longest_prompt: maximum prompt length in tokens, longer prompts are cut on the left; None for no limit.
        settings: the keys below.

    Reference:
        Mitchell et al. (2024), An Emulator for Fine-Tuning Large Language Models using Small Language Models,
        arXiv:2310.12962.
    """

    id = "eft"

    tuned: Annotated[list[str], "tuned models: folders, run folders or hub ids"]
    reference: Annotated[
        str | None,
        "the model that they were tuned from; 'policy' for the generating model; default: what their runs started from",
    ] = None
    weights: Annotated[list[float] | None, "one per tuned model; 1 each by default"] = None
    nucleus: Annotated[
        float | None, Interval(gt=0, le=1), "reweight only the tokens in this nucleus of a tuned model (conservative)"
    ] = None
    draft: Annotated[int, Ge(0), "tokens that the first tuned model drafts and the others verify; 0 for none"] = 0

    def __init__(self, renderer: Renderer, longest_prompt: int | None = None, **settings: Any) -> None:
        if isinstance(settings.get("tuned"), str):
            settings["tuned"] = [settings["tuned"]]
        super().__init__(renderer, longest_prompt, **settings)
        if self.draft and self.options:
            raise ConfigurationError(
                f"Options of generation ({', '.join(self.options)}) have no effect on drafted tokens.",
                where="engine.options",
                fix="Remove them, or give engine.draft=0.",
            )
        self.all_weights = [1.0] * len(self.tuned) if self.weights is None else self.weights
        check_weights(self.all_weights, len(self.tuned), "tuned model")
        if self.reference is None and (found := start_of(self.tuned)) is not None:
            self.start: str | None = found
        elif self.reference is None:
            raise ConfigurationError(
                f"The model that {', '.join(self.tuned)} {'was' if len(self.tuned) == 1 else 'were'} tuned from is "
                "not known.",
                where="engine.reference",
                why="Emulated fine-tuning adds the difference between a tuned model and its start.",
                fix="Give engine.reference=FOLDER; engine.reference=policy where the generating model is their start.",
            )
        else:
            self.start = None if self.reference == "policy" else self.reference

    def names(self) -> list[tuple[str, str]]:
        """The tuned models, and their start if it is not the policy."""
        found = [(name, "tuned") for name in self.tuned]
        return found if self.start is None else [*found, (self.start, "reference")]

    def combine(self, own: Tensor, others: Sequence[Tensor]) -> Tensor:
        """See `penchant.inference.mixtures.eft_logits`."""
        tuned, reference = (others, None) if self.start is None else (others[:-1], others[-1])
        return eft_logits(own, tuned, reference, self.all_weights, top_p=self.nucleus)

    def sample(self, prompts: Sequence[Text], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        """See `penchant.generation.Engine`; with ``draft`` one response at a time, from the same distribution.

        Raises:
            ModelError: no model was set with `use`.
        """
        if not self.draft:
            return super().sample(prompts, sampling, seed=seed)
        if self.model is None:
            raise ModelError("The engine has no model to sample from.", fix="Call engine.use(model) first.")
        stops = set(self.renderer.stop_token_ids)
        companions, results = self.companions(), []
        for number, prompt in enumerate(prompts):
            own = Reader(self.model, self.prompt_ids(prompt))
            others = [Reader(each.model, each.prompt_ids(prompt, self.longest_prompt)) for each in companions]
            results.append(
                [
                    self._response(
                        draft_and_verify(
                            own,
                            others,
                            self.combine,
                            stops=stops,
                            sampling=sampling,
                            draft=self.draft,
                            seed=seed + number * sampling.samples + copy,
                        ),
                        stops,
                    )
                    for copy in range(sampling.samples)
                ]
            )
        return results
