"""Likelihoods of images under a denoiser: its error on noised samples, scaled to the evidence lower bound."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from penchant.errors import ConfigurationError, nearest
from penchant.likelihood.causal import core_model
from penchant.likelihood.dropout import without_dropout
from penchant.likelihood.image_batch import ImageBatch, collate_images
from penchant.likelihood.noise import NoiseSchedule
from penchant.likelihood.prompts import ADDED
from penchant.likelihood.references import Reference
from penchant.objectives.core.requirements import Needs
from penchant.objectives.core.scored import Scored
from penchant.objectives.functional.denoising_errors import mean_error

__all__ = ["Denoiser", "DenoisingScorer", "DenoisingSettings", "InitialDenoiser", "NoisedImages"]


@dataclass(frozen=True)
class DenoisingSettings:
    """How a denoising error becomes a likelihood.

    log π(x) = −h · mean over draws of error(x_t),   log-ratio = h (error of the reference − error of the policy)

    With the mean over elements and h = ½ an objective's β is that of Diffusion-DPO's code (thousands). In nats the
    evidence lower bound is the sum over elements times the number T of levels, so β in nats is β / (T D) here.

    Args:
        half_factor: h; ½ in the evidence lower bound, 1 in some published scripts.
        reduction: ``mean`` or ``sum`` over the D elements of a sample.
        draws: noise levels an image in a training step.
        eval_draws: noise levels an image in a measurement: a grid, with the same noise before and after.
        share_noise: winner and loser of a pair get the same level and noise.
    """

    half_factor: float = 0.5
    reduction: Literal["mean", "sum"] = "mean"
    draws: int = 1
    eval_draws: int = 8
    share_noise: bool = True


@dataclass(frozen=True)
class NoisedImages:
    """N noised samples, as policy and reference both see them.

    Args:
        noisy: [N, C, H, W].
        timesteps: [N] what the network is told about the level.
        conditioning: further inputs of the network, each [N, ...].
        target: [N, C, H, W] what the network should say.
        draws: K; the N samples are R images with K draws each, all draws of an image side by side.
    """

    noisy: Tensor
    timesteps: Tensor
    conditioning: dict[str, Tensor]
    target: Tensor
    draws: int


class Denoiser(nn.Module):
    """A network of diffusers (UNet or transformer) under one way to call it.

    Args:
        network: its first argument is the noisy sample; it also takes ``timestep``.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._first = next(iter(inspect.signature(core_model(network).forward).parameters))

    def forward(self, noisy: Tensor, timesteps: Tensor, conditioning: dict[str, Tensor]) -> Tensor:
        """[N, C, H, W] what the network says about the noisy samples."""
        told: dict[str, Any] = {name: value for name, value in conditioning.items() if name not in ADDED}
        if len(told) < len(conditioning):
            told["added_cond_kwargs"] = {name: conditioning[name] for name in ADDED}
        said = self.network(**{self._first: noisy}, timestep=timesteps, **told, return_dict=False)[0]
        return said[:, : noisy.shape[1]]  # some networks say a variance too, behind the mean


class DenoisingScorer:
    """Scores images with a denoiser.

    Level and noise of an image in a step follow from the seed, the step and the record alone: how a step is split or
    ordered changes nothing, a resumed run draws what it would have drawn, and policy and reference see the same.

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
        self.schedule, self.settings, self.seed = schedule, settings or DenoisingSettings(), seed
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
        """What a summary says of the likelihood."""
        told = self.settings
        return {
            "likelihood": f"-{told.half_factor:g} x {told.reduction} squared error of {self.schedule.prediction}, "
            f"{len(self.schedule)} noise levels"
        }

    def close(self) -> None:
        """Give the network back as it was."""
        self._restore_dropout()

    def reference(self, kind: str, cache: Path | None = None, precision: str | None = None) -> Reference:
        """The reference: ``initial`` or ``none``.

        Raises:
            ConfigurationError: another kind; a cache would have to hold every draw of noise.
        """
        if kind == "none":
            return Reference()
        if kind == "initial":
            return InitialDenoiser(self)
        raise ConfigurationError(
            f"A denoiser has no reference {kind!r}.",
            why="Its error depends on noise that is drawn anew in every step, so nothing can be kept."
            if kind == "cached"
            else None,
            fix="Leave reference out, or choose reference=initial."
            if kind == "cached"
            else nearest(kind, ["initial", "none"]),
        )

    def noised(self, batch: ImageBatch) -> NoisedImages:
        """The batch's images with the noise of its step, or that of measurements where it has none."""
        shares, noise = self._drawn(batch)
        level = self.schedule.levels(shares.flatten()).to(batch.latents.device)
        draws = shares.shape[1]
        clean = batch.latents.repeat_interleave(draws, 0)
        noise = noise.flatten(0, 1).to(clean)
        return NoisedImages(
            noisy=self.schedule.mixed(clean, noise, level),
            timesteps=self.schedule.timesteps.to(level.device)[level],
            conditioning={name: each.repeat_interleave(draws, 0) for name, each in batch.conditioning.items()},
            target=self.schedule.target(clean, noise, level),
            draws=draws,
        )

    def _drawn(self, batch: ImageBatch) -> tuple[Tensor, Tensor]:
        """Shares of the levels' distribution [R, K] and noise [R, K, C, H, W]."""
        draws = self.settings.eval_draws if batch.step is None else self.settings.draws
        shape = (draws, *batch.latents.shape[1:])
        found: dict[str, tuple[Tensor, Tensor]] = {}
        rows = []
        for place, owner in enumerate(batch.owner.tolist()):
            name = f"{self.seed}:{batch.step}:{batch.keys[owner]}"
            if not self.settings.share_noise:
                name += f":{place - batch.owner.tolist().index(owner)}"
            if name not in found:
                digest = hashlib.blake2b(name.encode(), digest_size=7).digest()
                generator = torch.Generator().manual_seed(int.from_bytes(digest, "little"))
                grid = (torch.arange(draws) + 0.5) / draws
                share = grid if batch.step is None else torch.rand(draws, generator=generator)
                found[name] = share, torch.randn(shape, generator=generator)
            rows.append(found[name])
        return torch.stack([share for share, _ in rows]), torch.stack([noise for _, noise in rows])

    def log_likelihood(self, given: NoisedImages, module: nn.Module | None = None) -> Tensor:
        """[R] −h · error of each image, up to a constant that depends on image and noise alone.

        Args:
            given: noised images.
            module: the wrapped model (DDP, FSDP) to call through; the model itself where absent.
        """
        said = (module or self.model)(given.noisy, given.timesteps, given.conditioning)
        error = mean_error(said, given.target).unflatten(0, (-1, given.draws)).mean(1)
        if self.settings.reduction == "sum":
            error = error * given.target[0].numel()
        return -self.settings.half_factor * error

    def score_batch(
        self, batch: ImageBatch, reference: Reference, needs: Needs, module: nn.Module | None = None
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
        asked = sorted(needs.stats) + ["the hidden state"] * needs.hidden + ["gradient norms"] * needs.gradient_norms
        if asked:
            raise ConfigurationError(
                f"The objective needs {', '.join(asked)} of every token; an image has no tokens.",
                fix="Choose an objective without them (`penchant methods`).",
            )
        given = self.noised(batch)
        held = reference.score(given)[0] if needs.reference else None
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


class InitialDenoiser(Reference):
    """The policy as it was at the start: a frozen copy, or the policy with its adapter switched off.

    Args:
        scorer: the policy, at its initial weights.
    """

    kind = "initial"
    starts_equal = True

    def __init__(self, scorer: DenoisingScorer) -> None:
        self.scorer = scorer
        self.adapter = hasattr(scorer.model.network, "disable_adapter")
        self.model = scorer.model if self.adapter else copy.deepcopy(scorer.model).eval().requires_grad_(False)
        self.frozen = None if self.adapter else self.model

    def score(self, given: Any, whole: bool = False) -> tuple[Tensor, None]:
        """Log-likelihoods of `NoisedImages` under the reference, [R]; nothing more is known of it."""
        off = self.model.network.disable_adapter() if self.adapter else contextlib.nullcontext()  # type: ignore[operator]
        with off, torch.no_grad():
            return self.scorer.log_likelihood(given, self.model), None
