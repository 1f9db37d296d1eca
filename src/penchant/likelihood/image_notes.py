"""`ImageNotes`: what a model does not see of the prompts and the images of a data set."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from penchant.feedback.images import Image
from penchant.feedback.pixels import Resize
from penchant.feedback.records import Record
from penchant.likelihood.prompts import KeptPrompt
from penchant.rendering.truncation import CutTable

__all__ = ["ImageNotes"]


class ImageNotes:
    """Collects what is cut from prompts and images, and says it in sentences.

    Args:
        size: width and height of the model's images in pixels; None if they are not known.
        rule: how images of another size are resized.
    """

    def __init__(self, size: tuple[int, int] | None, rule: Resize) -> None:
        self.size, self.rule = size, rule
        self._prompts: dict[str, KeptPrompt] = {}
        self._images: dict[str, Image] = {}

    def add(self, prompt: str, kept: KeptPrompt | None, image: Image) -> None:
        """Note a prompt, with what the text encoders see of it, and an image."""
        if kept is not None:
            self._prompts[prompt] = kept
        self._images[image.key] = image

    def count(self, records: Iterable[Record], cut: CutTable) -> None:
        """Count the records with cut prompts, and those whose prompt became one with another prompt."""
        alike = {prompt for same in self._merged() for prompt in same}
        for record in records:
            prompt = str(record.prompt)
            cut.prompt_cut += prompt in self._prompts and bool(self._prompts[prompt].cut)
            cut.identical_after_cut += prompt in alike

    def sentences(self) -> list[str]:
        """What is cut, one sentence for each kind."""
        found = (self._of_prompts(), self._of_frames(), self._of_shapes())
        return [sentence for sentence in found if sentence is not None]

    def _merged(self) -> list[list[str]]:
        """Groups of different prompts that every encoder sees as one."""
        groups: dict[tuple[tuple[int, ...], ...], list[str]] = {}
        for prompt, kept in self._prompts.items():
            if kept.cut:
                groups.setdefault(kept.ids, []).append(prompt)
        return [same for same in groups.values() if len(same) > 1]

    def _of_prompts(self) -> str | None:
        long = {prompt: kept.cut for prompt, kept in self._prompts.items() if kept.cut}
        if not long:
            return None
        limits = {name: limit for cut in long.values() for name, (_, limit) in cut.items()}
        seen = " and ".join(f"{limit} tokens of {name}" for name, limit in limits.items())
        prompt, cut = max(long.items(), key=lambda each: max(tokens for tokens, _ in each[1].values()))
        said = (
            f"{len(long)} of {len(self._prompts)} prompts are longer than the {seen} and lose their end; the longest "
            f"has {max(tokens for tokens, _ in cut.values())} tokens ({prompt[:60]!r})."
        )
        merged = self._merged()
        if merged:
            first, second, *_ = merged[0]
            said += (
                f" {sum(map(len, merged))} different prompts are identical after the cut and become {len(merged)}, "
                f"such as {first[:100]!r} and {second[:100]!r}: the model cannot tell them apart."
            )
        return said + " Shorten the prompts."

    def _of_frames(self) -> str | None:
        several = [image for image in self._images.values() if image.frames > 1]
        if not several:
            return None
        first = f"{_named(several[0])} with {several[0].frames}"
        return f"{len(several)} images have several frames, such as {first}; the first is used."

    def _of_shapes(self) -> str | None:
        if self.size is None or self.rule == "pad":
            return None
        width, height = self.size
        lost = {key: _outside(image.size, self.size) for key, image in self._images.items() if image.size is not None}
        # A pixel more or less is no other shape.
        other = {key: share for key, share in lost.items() if share > 0.02}
        if not other:
            return None
        worst = max(other, key=lambda key: other[key])
        done, others = ("cropped at the centre", "pad, stretch") if self.rule == "crop" else ("stretched", "crop, pad")
        most = f"{_named(self._images[worst])} the most, by {100 * other[worst]:.0f} % of its area"
        return (
            f"{len(other)} of {len(self._images)} images have another shape than the model's {width} x {height} and "
            f"are {done}, {most}. Other rules of images.resize: {others}."
        )


def _outside(size: tuple[int, int], wanted: tuple[int, int]) -> float:
    """The share of an image that lies outside of a centre crop in another shape; 0 for the same shape."""
    ratio = size[0] * wanted[1] / (size[1] * wanted[0])
    return 1 - min(ratio, 1 / ratio)


def _named(image: Image) -> str:
    return Path(image.place).name if image.place is not None else f"one of {len(image.data or b'')} bytes"
