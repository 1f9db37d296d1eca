"""Latents and text embeddings on disk: computed once per image or prompt, shared by all runs of a pipeline."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from torch import Tensor

from penchant.feedback.images import Image
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.pipelines import PipelineCodec
from penchant.likelihood.store import Store

__all__ = ["CachedCodec", "EncodingCache"]


class EncodingCache(Store):
    """The file of one pipeline's encodings.

    Args:
        path: the file; made if absent.
    """

    subject = "latents and text embeddings"
    table = "encodings"


class CachedCodec:
    """A pipeline's codec that keeps the outputs of its autoencoder and its text encoder.

    The file is named by the weights of both, by the size of the latents and by their number types, so another model
    never reads it. The denoiser has no part in it: all runs that start from one pipeline share it.

    Args:
        codec: of the pipeline.
        folder: where the file lives; made if absent.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, codec: PipelineCodec, folder: Path) -> None:
        self.codec = codec
        digest = hashlib.sha256(repr(codec.shape).encode())
        for part in (codec.vae, *codec.texts):
            digest.update((fingerprint(part) if part is not None else "none").encode())
        self.store = EncodingCache(folder / f"encodings-{digest.hexdigest()[:32]}.sqlite")

    def latents(self, image: Image) -> Tensor:
        """[C, H, W] float32, from the file where it holds them."""
        return self._kept(f"image {image.key}", lambda: {"latents": self.codec.latents(image)})["latents"]

    def conditioning(self, prompt: str) -> dict[str, Tensor]:
        """Further inputs of the denoiser, from the file where it holds them."""
        return self._kept(f"prompt {prompt}", lambda: self.codec.conditioning(prompt))

    def _kept(self, what: str, compute: Any) -> dict[str, Tensor]:
        from safetensors.torch import load, save

        key = hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest()
        kept = self.store.read(key)
        if kept is not None:
            return load(kept)
        found: dict[str, Tensor] = compute()
        self.store.write([(key, save({name: each.contiguous() for name, each in found.items()}))])
        return found
