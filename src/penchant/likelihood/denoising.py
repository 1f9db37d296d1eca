"""`DenoisingScorer`, the scorer of denoisers: the denoising error, scaled to the evidence lower bound."""

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

    Noise level and noise of an image depend only on the seed, the step and the record (see `Noising`); they are the
    same for policy and reference.

    Args:
        network: a diffusers UNet or transformer, optionally with a PEFT adapter.
        schedule: the noise schedule of the network.
        settings: how errors are converted to likelihoods.
        seed: seed of noise levels and noise.
    """

    unit = "images"
    collate = staticmethod(collate_images)
    aux_loss: Tensor | None = None
    aux_coefficient = 0.0

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
        """Not available: a denoiser has no hidden states of tokens.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError(
            "The objective needs hidden states of tokens, but images have no tokens.",
            fix="Choose an objective without them (`penchant methods`).",
        )

    @property
    def depth(self) -> int:
        """Not available, see `hidden_size`."""
        return self.hidden_size

    def set_output_head_trained(self, trained: bool) -> None:
        """Nothing: a denoiser has no output head apart from it."""

    @property
    def measured_at_once(self) -> int:
        """Number of images per forward pass without gradient."""
        return max(2, 512 // self.settings.eval_draws)

    def facts(self) -> dict[str, str]:
        """Facts about the likelihood for the run summary."""
        settings = self.settings
        return {
            "likelihood": f"-{settings.half_factor:g} x {settings.reduction} squared error of "
            f"{self.schedule.prediction}, {len(self.schedule)} noise levels"
        }

    def close(self) -> None:
        """Restore the network's dropout."""
        self._restore_dropout()

    def reference(
        self, kind: str, cache: Path | None = None, precision: str | None = None
    ) -> Reference[NoisedImages, ImageResponse]:
        """The reference: ``initial`` or ``none``.

        Raises:
            ConfigurationError: another kind; a cache is impossible, since every step draws new noise.
        """
        if kind == "none":
            return NoReference()
        if kind == "initial":
            return InitialDenoiser(self.model, self.settings)
        raise ConfigurationError(
            f"The reference {kind!r} is not available for images.",
            where="reference",
            why="The error of a denoiser depends on noise that every step draws anew, so it cannot be cached."
            if kind == "cached"
            else None,
            fix="Remove reference, or choose initial or none.",
        )

    def noised(self, batch: ImageBatch) -> NoisedImages:
        """The batch's images with the noise of its step, or with the evaluation noise if it has no step."""
        return self.noising.noised(batch)

    def log_likelihood(self, given: NoisedImages, module: nn.Module | None = None) -> Tensor:
        """[R] log-likelihood of each image under the policy; see `penchant.likelihood.denoiser.log_likelihood`.

        Args:
            given: noised images.
            module: the wrapped model (DDP, FSDP) to call; the model itself by default.
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
            module: the wrapped policy to call; the policy itself by default.

        Returns:
            For each view, a `Scored` with one value per image.

        Raises:
            ConfigurationError: the objective needs statistics per token.
        """
        _refuse_tokens(needs)
        given = self.noised(batch)
        held = reference.score(given).logps if needs.reference else None
        others = {each: reference.checkpoint(each).score(given).logps for each in sorted(needs.checkpoints)}
        policy = self.log_likelihood(given, module)
        return {
            view: Scored(
                policy=policy[rows, None],
                reference=None if held is None else held[rows, None],
                mask=torch.ones((len(rows), 1), dtype=torch.bool, device=policy.device),
                group=batch.group[view],
                checkpoints={each: logps[rows, None] for each, logps in others.items()},
            )
            for view, rows in batch.rows.items()
        }


def _refuse_tokens(needs: Needs) -> None:
    asked = (
        sorted(map(str, needs.stats))
        + ["hidden states"] * (needs.hidden or needs.ends)
        + ["activations"] * bool(needs.layers or needs.reference_states)
    )
    asked += ["gradient norms"] * needs.gradient_norms
    asked += ["a second pass"] * (needs.residual is not None)
    if asked:
        raise ConfigurationError(
            f"The objective needs {', '.join(asked)} per token, but images have no tokens.",
            fix="Choose an objective without them (`penchant methods`).",
        )
