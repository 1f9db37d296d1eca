"""`PolicyJudge`: the policy itself as the judge, by how likely it finds each response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from torch import Tensor

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text
from penchant.forest.layout import TokenSequence
from penchant.rewards.judge import Judge

if TYPE_CHECKING:
    from penchant.likelihood.references import Reference
    from penchant.likelihood.scorer import Scorer

__all__ = ["PolicyJudge"]


class PolicyJudge(Judge):
    """Scores a response by the policy's own likelihood of it: what self-rewarding loops use instead of a judge.

    ``implicit`` is log π(y|x) − log π_c(y|x), summed over tokens, for a checkpoint c of the run; ``likelihood`` the
    mean log π per token. Where policy and checkpoint are the same model (the first round, against ``initial``), the
    implicit reward says nothing, and the likelihood is used.

    Reference:
        Wang et al. (2024), CREAM: Consistency Regularized Self-Rewarding Language Models, section 4.
    """

    id = "policy"
    formula = "log π(y | x) − log π_c(y | x), or mean log π per token"
    span = "any; at most 0 per token: higher is better"
    advice = "It rewards what the policy already believes: its mistakes grow unless another judge measures."

    measure: Annotated[
        Literal["implicit", "likelihood"], "implicit reward against a checkpoint, or mean log-likelihood per token"
    ] = "implicit"
    against: Annotated[
        Literal["initial", "before"],
        "the model that the run starts from, or the policy of the round before",
    ] = "initial"

    scorer: Scorer[Any] | None = None

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The checkpoints whose likelihoods it reads, itself a round ago among them."""
        return ("before", self.against) if self.measure == "implicit" else ("before",)

    def follow(self, scorer: Any, reference: Reference[Any, Any], renderer: Any) -> None:
        """Judge by this policy from now on.

        Args:
            scorer: the policy.
            reference: finds its checkpoints.
            renderer: turns texts into tokens, as in training.
        """
        self.scorer, self.reference, self.renderer = scorer, reference, renderer

    def score(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """See `Judge.score`.

        Raises:
            ConfigurationError: there is no policy: the run is not online.
        """
        return self._judged(prompt, responses, earlier=False)

    def score_earlier(self, prompt: Text, responses: Sequence[str]) -> list[float]:
        """The scores that the policy would have given a round ago."""
        return self._judged(prompt, responses, earlier=True)

    def _judged(self, prompt: Text, responses: Sequence[str], earlier: bool) -> list[float]:
        if self.scorer is None:
            raise ConfigurationError(
                "The judge 'policy' has no policy to ask.",
                where="judge",
                fix="Use it in an online run; elsewhere name a model: judge=log_ratio or a reward model.",
            )
        sequences = self._sequences(prompt, responses)
        own = self._logps(sequences, "before" if earlier else None)
        lengths = torch.tensor([max(1, each.length) for each in sequences], dtype=own.dtype)
        if self.measure == "implicit":
            gap = own - self._logps(sequences, self.against)
            if bool((gap.abs() > 1e-6 * own.abs().clamp(min=1)).any()):
                return [float(each) for each in gap]
        return [float(each) for each in own / lengths]

    def _sequences(self, prompt: Text, responses: Sequence[str]) -> list[TokenSequence]:
        prompt_ids = tuple(self.renderer.prompt_ids(prompt))
        found = [self.renderer.response_tokens(prompt, each) for each in responses]
        return [TokenSequence(prompt_ids, tuple(each.ids), each.learned) for each in found]

    @torch.no_grad()
    def _logps(self, sequences: Sequence[TokenSequence], checkpoint: str | None) -> Tensor:
        """The summed log-probabilities under the policy, or under a checkpoint, [K] nats."""
        from penchant.feedback.records import Source
        from penchant.forest.example import Example
        from penchant.likelihood.references import NoReference
        from penchant.objectives.core.requirements import Needs

        assert self.scorer is not None
        names = frozenset() if checkpoint is None else frozenset({checkpoint})
        example = Example({"responses": list(sequences)}, {}, 1.0, Source())
        device = next(self.scorer.core.parameters()).device
        batch = self.scorer.collate([example]).to(device)
        reference = NoReference() if checkpoint is None else self.reference
        view = self.scorer.score_batch(batch, reference, Needs(checkpoints=names))["responses"]
        logps = view.policy if checkpoint is None else view.checkpoints[checkpoint]
        return torch.where(view.mask, logps, 0.0).double().sum(-1).cpu()
