"""Encoding of image records into examples, and batches of latents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from penchant.errors import DataError
from penchant.feedback.images import Image
from penchant.feedback.records import Record, Source
from penchant.forest.collate import AnyBatch, Placed
from penchant.forest.example import EncodedData, Field
from penchant.forest.record_encoder import RecordEncoder
from penchant.likelihood.image_notes import ImageNotes
from penchant.likelihood.image_settings import ImageSettings
from penchant.likelihood.prompts import KeptPrompt
from penchant.rendering.truncation import CutTable

__all__ = ["Codec", "ImageBatch", "ImageEncoder", "ImageExample", "ImageResponse", "collate_images"]


class Codec(Protocol):
    """Turns images and prompts into inputs of a denoiser."""

    @property
    def settings(self) -> ImageSettings:
        """How images become pixels of the model's size."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the model's images in pixels."""

    def latents(self, image: Image) -> Tensor:
        """[C, H, W] latents of an image."""

    def kept(self, prompt: str) -> KeptPrompt | None:
        """What the text encoders see of a prompt; None without text encoders."""

    def conditioning(self, prompt: str) -> dict[str, Tensor]:
        """Further inputs of the network by name, without a batch dimension."""


class ImageResponse(NamedTuple):
    """One image as the input of a denoiser, with the encoding of its prompt."""

    latents: Tensor
    conditioning: dict[str, Tensor]


@dataclass(frozen=True)
class ImageExample:
    """One record as an objective sees it.

    Args:
        views: for each view, its images.
        fields: for each record field, one number, or one number per image.
        weight: the record's weight in the loss.
        source: file and line of the record.
        key: hash of prompt and images, from which the record's noise is derived.
    """

    views: dict[str, list[ImageResponse]]
    fields: dict[str, Field]
    weight: float
    source: Source
    key: str

    @property
    def size(self) -> int:
        """Number of images."""
        return sum(map(len, self.views.values()))


@dataclass(frozen=True, kw_only=True)
class ImageBatch(AnyBatch):
    """B examples with R images.

    Args:
        latents: [R, C, H, W] latents.
        conditioning: further inputs of the network, each [R, ...].
        owner: [R] the example of each image.
        keys: the key of each example, from which its noise is derived.
    """

    latents: Tensor
    conditioning: dict[str, Tensor]
    owner: Tensor
    keys: tuple[str, ...]

    @property
    def work(self) -> int:
        """Number of images."""
        return len(self.latents)


def collate_images(examples: Sequence[ImageExample], **options: Any) -> ImageBatch:
    """Batch the images of several examples.

    Args:
        examples: at least one.
        options: weights, denominator and step, as for `penchant.forest.collate.Placed`.
    """
    placed = Placed(examples, **options)
    responses: list[ImageResponse] = placed.responses
    names = responses[0].conditioning
    return ImageBatch(
        latents=torch.stack([each.latents for each in responses]),
        conditioning={name: torch.stack([each.conditioning[name] for each in responses]) for name in names},
        owner=torch.tensor(placed.owner),
        keys=tuple(example.key for example in examples),
        **placed.common,
    )


class ImageEncoder(RecordEncoder):
    """Turns image records into examples; each distinct image and prompt is encoded once.

    Args:
        codec: the codec of the model.
        views: names of the views to build.
        fields: names of the record fields to read.
        optional: views and fields that records may lack.
    """

    def __init__(
        self, codec: Codec, views: Sequence[str], fields: Sequence[str] = (), optional: Iterable[str] = ()
    ) -> None:
        super().__init__(views, fields, optional)
        self.codec = codec
        self._latents: dict[str, Tensor] = {}
        self._conditioning: dict[str, dict[str, Tensor]] = {}
        self._seen: dict[str, KeptPrompt | None] = {}
        self._notes = ImageNotes(codec.size, codec.settings.resize)

    def encode(self, records: Sequence[Record], progress: Callable[[int], None] | None = None) -> EncodedData:
        """See `RecordEncoder.encode`; what the model does not see of prompts and images is counted and noted."""
        self._notes = ImageNotes(self.codec.size, self.codec.settings.resize)
        data = super().encode(records, progress)
        self._notes.count((records[place] for place in data.records), data.cut)
        data.notes.extend(self._notes.sentences())
        return data

    def _example(self, record: Record, cut: CutTable) -> ImageExample | None:
        views = {
            name: [self._response(prompt, image, record) for prompt, image in pairs]
            for name in self.views
            if (pairs := self._texts(name, record)) is not None
        }
        if not views:
            cut.drop("no view that the objective needs")
            return None
        cut.kept += 1
        fields, weight = self._numbers(record)
        text = "\n".join([str(record.prompt), *map(str, record.responses)])
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return ImageExample(views, fields, weight, record.source, key)

    def cross(self, own: ImageResponse, other: ImageResponse) -> ImageResponse:
        """The prompt of ``own`` with the image of ``other``."""
        return ImageResponse(other.latents, own.conditioning)

    def cost(self, response: ImageResponse) -> int:
        """One image."""
        return 1

    def _response(self, prompt: Any, image: Any, record: Record) -> ImageResponse:
        if not isinstance(image, Image) or not isinstance(prompt, str):
            found = "messages as the prompt" if isinstance(image, Image) else "a text as a response"
            raise DataError(
                f"The record has {found}, but the model generates images from a text.",
                where=str(record.source),
                fix="Give prompt, chosen_image and rejected_image; or prompt and image, optionally with a label.",
            )
        try:
            if image.key not in self._latents:
                self._latents[image.key] = self.codec.latents(image)
            if prompt not in self._conditioning:
                self._conditioning[prompt] = self.codec.conditioning(prompt)
        except DataError as error:
            raise DataError(error.what, where=str(record.source), why=error.why, fix=error.fix) from error
        except OSError as error:  # it was read when the data were
            raise DataError(
                f"The image {image.place} can no longer be read ({error.strerror or error}).",
                where=str(record.source),
                fix="Keep the images in their place until the run has encoded them.",
            ) from error
        self._notes.add(prompt, self._kept(prompt), image)
        return ImageResponse(self._latents[image.key], self._conditioning[prompt])

    def _kept(self, prompt: str) -> KeptPrompt | None:
        if prompt not in self._seen:
            self._seen[prompt] = self.codec.kept(prompt)
        return self._seen[prompt]
