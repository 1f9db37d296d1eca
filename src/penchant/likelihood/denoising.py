"""The scorer of denoisers: a denoising error on noised samples, scaled to the evidence lower bound."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError
from penchant.likelihood.core import core_model
from penchant.likelihood.denoiser import Denoiser, NoisedImages, log_likelihood
from penchant.likelihood.denoising_settings import DenoisingSettings
from penchant.likelihood.dropout import without_dropout
from penchant.likelihood.image_batch import ImageBatch, ImageResponse, collate_images
from penchant.likelihood.noise import NoiseSchedule
from penchant.likelihood.noising import Noising
from penchant.likelihood.references.initial_denoiser import InitialDenoiser
from penchant.likelihood.references.none import NoReference
from penchant.likelihood.references.reference import Reference
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored

__all__ = ["DenoisingScorer"]


class DenoisingScorer:
    """Scores images with a denoiser.

    Level and noise of an image follow from the seed, the step and the record alone (see `Noising`); policy and
    reference see the same.

    Args:
        network: UNet or transformer of diffusers, perhaps with an adapter of PEFT.
        schedule: its noise levels.
        settings: how errors become likelihoods.
        seed: of levels and noise.
    """

    unit = "images"
    collate = staticmethod(collate_images)

    def __init__(
        self, network: nn.Module, schedule: NoiseSchedule, settings: DenoisingSettings | None = None, seed: int = 0
    ) -> None:
        self.model = Denoiser(network)
        self.core = core_model(network)
        self.schedule, self.settings = schedule, settings or DenoisingSettings()
        self.noising = Noising(schedule, self.settings, seed)
        self._restore_dropout = without_dropout(self.model)

    @property
    def hidden_size(self) -> int:
        """A denoiser has no hidden state of a token.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            "The objective reads hidden states of tokens; an image has no tokens.",
            fix="Choose an objective without them (`penchant methods`).",
        )

    @property
    def measured_at_once(self) -> int:
        """Images of a forward pass without gradient."""
        return max(2, 512 // self.settings.eval_draws)

    def facts(self) -> dict[str, str]:
        """Facts about the likelihood, for the summary."""
        settings = self.settings
        return {
            "likelihood": f"-{settings.half_factor:g} x {settings.reduction} squared error of "
            f"{self.schedule.prediction}, {len(self.schedule)} noise levels"
        }

    def close(self) -> None:
        """Give the network back as it was."""
        self._restore_dropout()

    def reference(
        self, kind: str, cache: Path | None = None, precision: str | None = None
    ) -> Reference[NoisedImages, ImageResponse]:
        """The reference: ``initial`` or ``none``.

        Raises:
            ConfigurationError: another kind; a cache would have to hold every draw of noise.
        """
        if kind == "none":
            return NoReference()
        if kind == "initial":
            return InitialDenoiser(self.model, self.settings)
        raise ConfigurationError(
            f"A denoiser has no reference {kind!r}.",
            where="reference",
            why="Its error depends on noise that is drawn anew in every step, so nothing can be kept."
            if kind == "cached"
            else None,
            fix="Leave reference out, or choose initial or none.",
        )

    def noised(self, batch: ImageBatch) -> NoisedImages:
        """The batch's images with the noise of its step, or that of measurements where it has none."""
        return self.noising.noised(batch)

    def log_likelihood(self, given: NoisedImages, module: nn.Module | None = None) -> Tensor:
        """[R] −h · error of each image under the policy; see `penchant.likelihood.denoiser.log_likelihood`.

        Args:
            given: noised images.
            module: the wrapped model (DDP, FSDP) to call through; the model itself where absent.
        """
        return log_likelihood(module or self.model, given, self.settings)

    def score_batch(
        self,
        batch: ImageBatch,
        reference: Reference[NoisedImages, ImageResponse],
        needs: Needs,
        module: nn.Module | None = None,
    ) -> dict[str, Scored]:
        """Every view of a batch, scored by the policy (with gradient) and the reference (without) on the same noise.

        Args:
            batch: the examples, on the policy's device.
            reference: the reference.
            needs: whether a reference is needed.
            module: the wrapped policy to call through.

        Returns:
            A `Scored` of one value an image for each view.

        Raises:
            ConfigurationError: the objective needs a statistic that only tokens have.
        """
        _refuse_tokens(needs)
        given = self.noised(batch)
        held = reference.score(given).logps if needs.reference else None
        policy = self.log_likelihood(given, module)
        return {
            view: Scored(
                policy=policy[rows, None],
                reference=None if held is None else held[rows, None],
                mask=torch.ones((len(rows), 1), dtype=torch.bool, device=policy.device),
                group=batch.group[view],
            )
            for view, rows in batch.rows.items()
        }


def _refuse_tokens(needs: Needs) -> None:
    asked = sorted(needs.stats) + ["the hidden state"] * needs.hidden + ["gradient norms"] * needs.gradient_norms
    if asked:
        raise ConfigurationError(
            f"The objective needs {', '.join(asked)} of every token; an image has no tokens.",
            fix="Choose an objective without them (`penchant methods`).",
        )
