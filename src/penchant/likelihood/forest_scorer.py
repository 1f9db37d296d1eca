"""Log-probabilities of a forest's response tokens under a causal language model."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ModelError
from penchant.forest.attention import Backend
from penchant.forest.layout import Forest
from penchant.likelihood.core import core_model
from penchant.likelihood.dropout import without_dropout
from penchant.likelihood.head import Head, Rows
from penchant.likelihood.hook import ScoreRequest, ScoringForward, identity
from penchant.likelihood.outputs import Outputs
from penchant.likelihood.support import choose_attention, plain_head

__all__ = ["ForestScorer", "scorer_of"]

log = logging.getLogger("penchant")


class ForestScorer:
    """Scores forests with a causal language model of transformers, unmodified.

    The model's ``forward`` additionally understands one keyword, ``score`` (see `penchant.likelihood.hook`); `close`
    takes the addition away again.

    Args:
        model: a causal language model, or one wrapped by PEFT.
        attention: ``segments`` (CPU), ``flex`` (GPU), ``dense`` (slow and plain), ``sequences`` (no sharing: every
            response a sequence of its own), or None to choose by device and by a short test of the model.
        chunk_rows: rows of logits a chunk; chosen by size where absent.

    Raises:
        ModelError: the model has no output layer over a vocabulary, or learned tokens before every prompt.

    Reference: DESIGN of the forest in ``docs/architecture.md``.
    """

    def __init__(self, model: nn.Module, attention: Backend | str | None = None, chunk_rows: int | None = None) -> None:
        core = core_model(model)
        _check_scorable(model, core)
        restore_dropout = without_dropout(model)  # the tests of head and attention compare two passes
        try:
            head = plain_head(core)
            chosen, reason = choose_attention(Outputs(core, core.forward, head), attention)
        finally:
            restore_dropout()
        self.model, self.core, self.chunk_rows = model, core, chunk_rows
        self.head: Head | None = head
        self.attention, self.reason = chosen, reason
        self._hook: ScoringForward | None = None
        self.open()
        if attention is None and chosen == "sequences":
            log.warning("%s Training uses ordinary sequences instead, with the same results.", reason)

    def open(self) -> None:
        """Add the scoring keyword to the model's ``forward``, and switch dropout off."""
        if self._hook is None:
            outputs = Outputs(self.core, self.core.forward, self.head)
            self._hook = ScoringForward(outputs, self.attention, self.chunk_rows)
            self._restore_dropout = without_dropout(self.model)

    def close(self) -> None:
        """Give the model back as it was."""
        if self._hook is not None:
            self._restore_dropout()
            self._hook.remove()
            self._hook = None

    @property
    def hidden_size(self) -> int:
        """D, how many numbers the output head reads for each token."""
        output = self.core.get_output_embeddings()
        return int(getattr(output, "in_features", None) or output.weight.shape[-1])

    def score(
        self,
        forest: Forest,
        stats: Iterable[str] = (),
        other: Rows | None = None,
        module: nn.Module | None = None,
        hidden: bool = False,
    ) -> dict[str, Tensor]:
        """Statistics of the forest's K distinct response tokens.

        Args:
            forest: the batch.
            stats: which further statistics (see `penchant.likelihood.head`).
            other: the rows of the model that ``kl`` is measured against.
            module: the wrapped model (DDP, FSDP) to call through; the model itself where absent.
            hidden: give ``hidden`` too, [K, D] what the output head reads to predict each token.

        Returns:
            ``logps`` and each statistic, [K] float32, in the order of ``forest.targets``.

        Raises:
            ModelError: hidden states are asked for, and the model's output head is unknown.
        """
        if hidden and self.head is None:
            raise ModelError(
                f"The objective reads hidden states, and the output head of {type(self.core).__name__} is of an "
                "unknown kind.",
                fix="Choose an objective without a head on hidden states, or a model whose last step is its output "
                "layer.",
            )
        found: dict[str, Tensor] = (module or self.model)(
            score=ScoreRequest(forest, tuple(stats), other, hidden=hidden)
        )
        return found

    def rows(self, forest: Forest) -> Rows:
        """Hidden states that predict the response tokens, with the head that reads them (no gradient)."""
        with torch.no_grad():
            found = self.model(score=ScoreRequest(forest, rows_only=True))["rows"]
        return Rows(found, self.head or identity)


@contextlib.contextmanager
def scorer_of(model: nn.Module | ForestScorer) -> Iterator[ForestScorer]:
    """A scorer of a model, closed at the end; one that is given is used as it is and stays open."""
    if isinstance(model, ForestScorer):
        yield model
        return
    scorer = ForestScorer(model)
    try:
        yield scorer
    finally:
        scorer.close()


def _check_scorable(model: nn.Module, core: Any) -> None:
    if getattr(core, "get_output_embeddings", lambda: None)() is None:
        raise ModelError(
            f"{type(core).__name__} has no output layer over a vocabulary.",
            why="Log-probabilities of tokens need one.",
            fix="Load the model as a causal language model.",
        )
    configurations: dict[str, Any] = getattr(model, "peft_config", {})  # type: ignore[assignment]
    if any(getattr(each, "is_prompt_learning", False) for each in configurations.values()):
        raise ModelError(
            f"{type(model).__name__} puts learned tokens before every prompt, which a forest has no place for.",
            fix="Use an adapter in the layers, such as LoRA.",
        )
