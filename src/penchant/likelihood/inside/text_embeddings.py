"""Frozen embeddings of texts: TF-IDF with a singular value decomposition, or the mean state of a model's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from penchant.errors import ConfigurationError, ModelError
from penchant.quiet import quiet_transformers

__all__ = ["Embedder", "ModelEmbedder", "TextStatistics", "check_embedder", "find_embedder", "unit_rows"]

#: The embedders from word statistics, with their dimensions; None for those of TF-IDF.
STATISTICS = {"tf-idf-svd": 64, "tf-idf": None}


class Embedder(Protocol):
    """What gives texts frozen embeddings."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """[texts, dimensions] unit rows; a text of which nothing is known is a row of zeros."""
        ...


class TextStatistics:
    """TF-IDF of words and a truncated singular value decomposition (scikit-learn), fitted to a corpus: needs no model.

    Args:
        corpus: the texts whose words count; words that it lacks are not seen.
        dimensions: of the embeddings, cut to what the corpus has; None for TF-IDF itself.
        seed: of the decomposition.

    Raises:
        ConfigurationError: scikit-learn is missing, or the corpus has no word.

    Example:
        >>> embedder = TextStatistics(["a red castle", "a blue castle", "green meadows"], dimensions=None)
        >>> one, other, third = embedder.embed(["red castle", "blue castle", "meadows"])
        >>> bool(one @ other > one @ third == 0)
        True
    """

    def __init__(self, corpus: Sequence[str], dimensions: int | None = 64, seed: int = 0) -> None:
        try:
            from sklearn.decomposition import TruncatedSVD
            from sklearn.feature_extraction.text import TfidfVectorizer
        except ImportError as error:
            raise ConfigurationError(
                "Embeddings from word statistics need scikit-learn.", fix="pip install 'penchant[evaluation]'"
            ) from error
        self.words = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True)
        try:
            counted = self.words.fit_transform(corpus)
        except ValueError as error:
            raise ConfigurationError(f"The {len(corpus)} texts of the corpus hold no word.") from error
        most = min(counted.shape) - 1
        self.axes = None
        if dimensions is not None and most >= 1:
            self.axes = TruncatedSVD(min(dimensions, most), random_state=seed).fit(counted)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """See `Embedder.embed`."""
        counted = self.words.transform(texts)
        return unit_rows(self.axes.transform(counted) if self.axes is not None else counted.toarray())


class ModelEmbedder:
    """The mean of the last hidden states of a model in a folder: a sentence-embedding model, or any transformer.

    Args:
        folder: with the model and its tokenizer; nothing is downloaded.
        batch_size: texts at once.
        max_length: tokens of a text that count.

    Raises:
        ModelError: there is no model that can be loaded.
    """

    def __init__(self, folder: Path | str, batch_size: int = 32, max_length: int = 256) -> None:
        from transformers import AutoModel, AutoTokenizer

        try:
            with quiet_transformers():
                self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
                self.model = AutoModel.from_pretrained(folder, local_files_only=True).eval()
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"No embedding model can be loaded ({error}).", where=str(folder)) from error
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.unk_token
        self.tokenizer.padding_side = "right"
        self.batch_size, self.max_length = batch_size, max_length

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """See `Embedder.embed`."""
        import torch

        parts = []
        options = {"padding": True, "truncation": True, "max_length": self.max_length, "return_tensors": "pt"}
        for start in range(0, len(texts), self.batch_size):
            given = self.tokenizer(list(texts[start : start + self.batch_size]), **options)
            mask = given["attention_mask"]
            with torch.no_grad():
                states = self.model(input_ids=given["input_ids"], attention_mask=mask).last_hidden_state
            parts.append(((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)).float().numpy())
        return unit_rows(np.concatenate(parts))


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their length; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def find_embedder(name: str | Path, corpus: Sequence[str]) -> Embedder:
    """An embedder by name: ``tf-idf-svd``, ``tf-idf``, or the folder of a model.

    Args:
        name: of the embedder.
        corpus: texts that word statistics are fitted to.

    Raises:
        ConfigurationError: it is neither.

    Example:
        >>> find_embedder("tf-idf", ["a castle", "a meadow"]).embed(["a castle"]).shape
        (1, 3)
    """
    check_embedder(name)
    if name in STATISTICS:
        return TextStatistics(corpus, STATISTICS[str(name)])
    return ModelEmbedder(name)


def check_embedder(name: str | Path) -> None:
    """Refuse a name that is neither an embedder nor a folder, before any work.

    Raises:
        ConfigurationError: it is neither.
    """
    if name not in STATISTICS and not Path(name).is_dir():
        raise ConfigurationError(
            f"There is no embedder {str(name)!r} and no such folder.",
            where="embedder",
            fix="Use tf-idf-svd, tf-idf, or a model's folder.",
        )
