"""Base class of picture worlds: a tiny denoiser, samples from it, and comparisons between pictures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from penchant.lab.pretrained import PretrainedWorld, train_and_keep
from penchant.statistics import Interval, mean_interval

__all__ = ["PictureWorld", "compare_in_classes", "draw_classes", "pixels", "tiny_denoiser"]


def tiny_denoiser(width: int, seed: int, *, size: int = 8, classes: int = 10) -> Any:
    """A class-conditional UNet with random weights, as a diffusers pipeline.

    Args:
        width: channels of the first block, a multiple of 8.
        seed: seed of the weights; the random state of torch is restored.
        size: side length in pixels, even.
        classes: number of classes.
    """
    from diffusers import DDPMScheduler, UNet2DModel

    from penchant.likelihood.pipelines import build_pipeline

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = UNet2DModel(
            sample_size=size,
            in_channels=1,
            out_channels=1,
            layers_per_block=1,
            block_out_channels=(width, 2 * width),
            down_block_types=("DownBlock2D", "AttnDownBlock2D"),
            up_block_types=("AttnUpBlock2D", "UpBlock2D"),
            norm_num_groups=8,
            num_class_embeds=classes,
        )
    return build_pipeline(network, DDPMScheduler(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2"))


def draw_classes(pipeline: Any, classes: int, each: int, *, steps: int, seed: int) -> tuple[list[Any], list[int]]:
    """``each`` pictures of every class as Pillow images, and the requested classes; the seed fixes the noise."""
    from penchant.generation.images import sample_images
    from penchant.likelihood.denoiser import Denoiser
    from penchant.likelihood.pipelines import PipelineCodec, denoiser_of

    asked = [number for number in range(classes) for _ in range(each)]
    _name, network = denoiser_of(pipeline)
    codec, prompts = PipelineCodec(pipeline), [str(number) for number in asked]
    return sample_images(Denoiser(network), pipeline.scheduler, codec, prompts, steps=steps, seed=seed), asked


def pixels(pictures: Sequence[Any]) -> np.ndarray:
    """Pillow images as pixels [N, height · width] from 0 to 1."""
    return np.stack([np.asarray(each.convert("L"), np.float64).ravel() / 255 for each in pictures])


def compare_in_classes(rewards: np.ndarray, asked: Sequence[int], pairs: int, seed: int) -> list[tuple[int, int]]:
    """Pairs of indices of pictures of the same class, the one with the higher reward first; ties are left out.

    Args:
        rewards: [N] rewards of the pictures.
        asked: [N] classes of the pictures.
        pairs: number of pairs to draw per class, including ties; a class with a single picture has no pairs.
        seed: seed of the draws.
    """
    rng = np.random.default_rng(seed)
    found: list[tuple[int, int]] = []
    for number in sorted(set(asked)):
        members = np.flatnonzero(np.asarray(asked) == number)
        if len(members) < 2:
            continue
        for _ in range(pairs):
            first, second = (int(place) for place in rng.choice(members, 2, replace=False))
            if rewards[first] != rewards[second]:
                found.append((first, second) if rewards[first] > rewards[second] else (second, first))
    return found


class PictureWorld(PretrainedWorld):
    """A world of small grey pictures of several classes, with rewards computed from the pixels."""

    #: Number of classes; a prompt is the index of a class as text.
    classes: ClassVar[int]
    #: Side length in pixels.
    side: ClassVar[int]
    #: Steps of the sampler.
    steps: ClassVar[int] = 25

    @abstractmethod
    def pictures(self, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """Real pictures of the world: [N, side, side] integers from 0 to 255, and their classes [N]."""

    @abstractmethod
    def reward(self, pictures: np.ndarray, classes: Sequence[int]) -> np.ndarray:
        """The true reward of each picture, [N]; pictures are [N, side, side] numbers from 0 to 1."""

    def demonstrations(self, count: int, seed: int = 0) -> list[dict[str, Any]]:
        """Records ``{"prompt", "image"}`` for training the base model."""
        images, classes = self.pictures(count, seed)
        return [
            {"prompt": str(number), "image": image.tolist()}
            for image, number in zip(images, classes.tolist(), strict=True)
        ]

    def train_base(self, folder: Path) -> None:
        """See `PretrainedWorld.train_base`."""
        plan = self.pretraining
        model = tiny_denoiser(plan.width, plan.seed, size=self.side, classes=self.classes)
        data = self.demonstrations(plan.examples, plan.seed)
        train_and_keep(folder, plan, model=model, data=data, schedule="cosine")

    def policy(self) -> Any:
        """See `PretrainedWorld.policy`: a diffusers pipeline."""
        from penchant.likelihood.pipelines import load_pipeline

        return load_pipeline(self.base_model())

    def draw(self, policy: Any, each: int, seed: int = 0) -> tuple[np.ndarray, list[int]]:
        """Sample ``each`` pictures of every class: [N, side, side] numbers from 0 to 1, and the requested classes.

        Args:
            policy: a pipeline.
            each: pictures per class.
            seed: seed of the noise; the i-th picture starts from the same noise for every policy.
        """
        made, asked = draw_classes(policy, self.classes, each, steps=self.steps, seed=seed)
        return pixels(made).reshape(-1, self.side, self.side), asked

    def pairs(self, each: int, seed: int = 0, *, policy: Any = None) -> list[dict[str, Any]]:
        """Comparisons between pictures of the same class; the one with the higher reward is always chosen.

        Args:
            each: comparisons per class (fewer if pictures have equal rewards).
            seed: the same seed gives the same records.
            policy: a pipeline whose pictures are compared; if None, pictures of the world.

        Returns:
            Records ``{"prompt", "chosen_image", "rejected_image", "chosen_score", "rejected_score"}``.
        """
        drawn: tuple[np.ndarray, Sequence[int]]
        if policy is None:
            images, numbers = self.pictures(4 * self.classes * max(each, 2), seed)
            drawn = images / 255, numbers.tolist()
        else:
            drawn = self.draw(policy, max(each, 2), seed)
        shown, asked = drawn
        rewards = self.reward(shown, asked)
        as_bytes = (shown * 255).round().astype(np.uint8)
        return [
            {
                "prompt": str(asked[better]),
                "chosen_image": as_bytes[better].tolist(),
                "rejected_image": as_bytes[worse].tolist(),
                "chosen_score": float(rewards[better]),
                "rejected_score": float(rewards[worse]),
            }
            for better, worse in compare_in_classes(rewards, asked, each, seed)
        ]

    def mean_reward(self, policy: Any, each: int = 40, seed: int = 1_000_000) -> Interval:
        """The mean true reward of a policy's pictures, ``each`` per class, with its 95 % interval."""
        return mean_interval(self.reward(*self.draw(policy, each, seed)).tolist())
