"""Embeddings of prompts: mean hidden states of a model, or words by TF-IDF and singular values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from penchant.errors import ConfigurationError
from penchant.feedback.records import Text, as_text
from penchant.likelihood.loading import load_model
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer

if TYPE_CHECKING:
    import numpy.typing

    Vectors = numpy.typing.NDArray[numpy.float64]

__all__ = ["hidden_states", "word_vectors"]


def word_vectors(prompts: Sequence[Text], dimensions: int, seed: int = 0) -> Vectors:
    """The prompts as TF-IDF of words and pairs of words, reduced by a singular value decomposition.

    Args:
        prompts: texts or messages.
        dimensions: largest number of dimensions; fewer if there are fewer prompts or words.
        seed: seed of the decomposition.

    Returns:
        [P, D].

    Raises:
        ConfigurationError: scikit-learn is not installed.

    Example:
        >>> word_vectors(["red car", "red hat", "old cup"], 2).shape
        (3, 2)
    """
    require_scikit_learn()
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Words of one character count too, and so do signs: a prompt may be "2 + 2 =".
    counts = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]", sublinear_tf=True)
    table = counts.fit_transform([as_text(prompt) or "-" for prompt in prompts])
    kept = min(dimensions, min(table.shape) - 1)
    if kept < 1:
        return table.toarray()  # type: ignore[no-any-return]
    return TruncatedSVD(kept, random_state=seed).fit_transform(table)  # type: ignore[no-any-return]


def hidden_states(
    model: str | Any,
    prompts: Sequence[Text],
    *,
    tokenizer: Any = None,
    chat_template: str | None = None,
    max_length: int | None = None,
    batch_size: int = 16,
) -> Vectors:
    """The mean of the last hidden states over the tokens of each prompt.

    Args:
        model: a folder or hub id, or a causal language model in memory with its ``tokenizer``.
        prompts: texts or messages.
        tokenizer: of a model in memory.
        chat_template: see `penchant.rendering.Renderer`.
        max_length: maximum tokens; longer prompts are cut on the left.
        batch_size: prompts per forward pass.

    Returns:
        [P, D] as float64.
    """
    require_scikit_learn()
    renderer = Renderer(tokenizer or load_tokenizer(model), chat_template=chat_template)
    network = load_model(model) if isinstance(model, str) else model
    ids = [renderer.prompt_ids(prompt)[-(max_length or 10**9) :] for prompt in prompts]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))  # similar lengths need less padding
    found: list[Any] = [None] * len(ids)
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        for place, vector in zip(places, _means(network, [ids[place] for place in places]), strict=True):
            found[place] = vector
    result: Vectors = torch.stack(found).double().numpy()
    return result


@torch.no_grad()
def _means(model: Any, rows: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    """The mean hidden state of each row of tokens, padded on the right."""
    device, longest = next(model.parameters()).device, max(map(len, rows))
    ids = torch.tensor([[*row, *[0] * (longest - len(row))] for row in rows], device=device)
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows], device=device)
    was = model.training
    states = model.eval()(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[-1].float()
    model.train(was)
    weights = mask.unsqueeze(-1).to(states.dtype)
    means = (torch.where(weights > 0, states, 0.0)).sum(1) / weights.sum(1).clamp(min=1)
    return list(means.cpu())


def require_scikit_learn() -> None:
    """Check that scikit-learn is there, before a model is loaded.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            "density-ratio needs the package scikit-learn.", fix="Install it: pip install 'penchant[evaluation]'."
        ) from error
