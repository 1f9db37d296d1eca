"""A cache of latents and text embeddings on disk, shared by all runs of a pipeline."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from torch import Tensor

from penchant.feedback.images import Image
from penchant.likelihood.cache import fingerprint
from penchant.likelihood.pipelines import PipelineCodec
from penchant.likelihood.prompts import KeptPrompt
from penchant.likelihood.store import Store

__all__ = ["CachedCodec", "EncodingCache"]


# Version of the rules by which images and prompts are encoded; a file of other rules is not read.
_RULES = 2


class EncodingCache(Store):
    """The encodings of one pipeline in one file.

    Args:
        path: the file; created if absent.
    """

    subject = "latents and text embeddings"
    table = "hashed_encodings"  # that of earlier versions, encodings, has no hashes


class CachedCodec:
    """A pipeline's codec with a cache of the outputs of its autoencoder and text encoders.

    The file name is a hash of their weights and number types, of the shape of the latents and of the rules by which
    images become pixels, so other models never read it. It does not depend on the denoiser: all runs that start from
    one pipeline share it.

    Args:
        codec: the codec of the pipeline.
        folder: folder of the file; created if absent.

    Raises:
        OutputError: the folder cannot be written.
    """

    def __init__(self, codec: PipelineCodec, folder: Path) -> None:
        self.codec, self.settings, self.size = codec, codec.settings, codec.size
        digest = hashlib.sha256(f"{_RULES} {codec.shape!r} {codec.settings!r}".encode())
        for part in (codec.vae, *codec.texts):
            digest.update((fingerprint(part) if part is not None else "none").encode())
        self.store = EncodingCache(folder / f"encodings-{digest.hexdigest()[:32]}.sqlite")

    def latents(self, image: Image) -> Tensor:
        """[C, H, W] float32 latents of an image, from the cache if it has them."""
        return self._kept(f"image {image.key}", lambda: {"latents": self.codec.latents(image)})["latents"]

    def conditioning(self, prompt: str) -> dict[str, Tensor]:
        """Further inputs of the denoiser for a prompt, from the cache if it has them."""
        return self._kept(f"prompt {prompt}", lambda: self.codec.conditioning(prompt))

    def kept(self, prompt: str) -> KeptPrompt | None:
        """What the text encoders see of a prompt; None without text encoders."""
        return self.codec.kept(prompt)

    def _kept(self, what: str, compute: Any) -> dict[str, Tensor]:
        from safetensors.torch import load, save

        key = hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest()
        kept = self.store.read(key)
        if kept is not None:
            return load(kept)
        found: dict[str, Tensor] = compute()
        self.store.write([(key, save({name: each.contiguous() for name, each in found.items()}))])
        return found
