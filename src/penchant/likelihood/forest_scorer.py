"""`ForestScorer`, which computes log-probabilities of a forest's response tokens under a causal language model."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from penchant.errors import ModelError
from penchant.forest.attention import Backend
from penchant.forest.layout import Forest
from penchant.likelihood.adapting.virtual import with_virtual_tokens
from penchant.likelihood.core import core_model, plain_layer
from penchant.likelihood.dropout import without_dropout
from penchant.likelihood.head import Head, Rows, Temperature, mean_logits
from penchant.likelihood.hook import ScoreRequest, ScoringForward, activation_key, identity
from penchant.likelihood.inside.layers import decoder_layers
from penchant.likelihood.inside.reading import Reading
from penchant.likelihood.inside.residual import Residual
from penchant.likelihood.inside.router import Router
from penchant.likelihood.outputs import Outputs
from penchant.likelihood.support import choose_attention, plain_head
from penchant.objectives.core.requirements import UNIT_MEANS
from penchant.objectives.core.token_statistic import TokenStatistic

__all__ = ["ForestScorer", "scorer_of"]

log = logging.getLogger("penchant")


class ForestScorer:
    """Scores forests with an unmodified causal language model of transformers.

    The model's ``forward`` gets an additional keyword, ``score`` (see `penchant.likelihood.hook`); `close` removes it.

    Args:
        model: a causal language model, or one wrapped by PEFT.
        attention: ``segments`` (CPU), ``flex`` (GPU), ``dense`` (slow reference), ``sequences`` (no sharing: every
            response is a separate sequence), or None to choose by device and a short test of the model.
        chunk_rows: rows of logits per chunk; chosen by size by default.

    Raises:
        ModelError: the model has no output layer over a vocabulary, or virtual tokens that its layers cannot read.

    Reference: ``docs/architecture.md``, section The forest.
    """

    def __init__(self, model: nn.Module, attention: Backend | str | None = None, chunk_rows: int | None = None) -> None:
        core = core_model(model)
        _check_scorable(core)
        with_virtual_tokens(model)
        restore_dropout = without_dropout(model)  # the checks of head and attention compare two forward passes
        try:
            head = plain_head(core)
            chosen, reason = choose_attention(Outputs(core, core.forward, head), attention)
        finally:
            restore_dropout()
        self.model, self.core, self.chunk_rows = model, core, chunk_rows
        self.head: Head | None = head
        self.attention, self.reason = chosen, reason
        self._temperature, self._divides = 1.0, Temperature()
        #: The routers of a mixture of experts, if their auxiliary loss is part of the training loss.
        self.router: Router | None = None
        self.aux_loss: Tensor | None = None
        #: A context in which the model is what it was at the start of training, where a run knows one.
        self.switched_off: Callable[[], AbstractContextManager[None]] | None = None
        self._hook: ScoringForward | None = None
        self.open()
        if attention is None and chosen == "sequences":
            log.warning("%s Training uses ordinary sequences instead, with the same results.", reason)

    def open(self) -> None:
        """Add the keyword ``score`` to the model's ``forward``, and disable dropout."""
        if self._hook is None:
            outputs = Outputs(self.core, self.core.forward, self.head)
            self._hook = ScoringForward(outputs, self.attention, self.chunk_rows)
            self._restore_dropout = without_dropout(self.model)

    def close(self) -> None:
        """Restore the model's ``forward``, attention and dropout."""
        if self._hook is not None:
            self._restore_dropout()
            self._hook.remove()
            self._hook = None

    @property
    def temperature(self) -> float:
        """Divides the logits: log-probabilities and statistics are of the distribution sampled at this temperature."""
        return self._temperature

    @temperature.setter
    def temperature(self, value: float) -> None:
        weight = self.core.get_output_embeddings().weight
        kind = weight.dtype if weight.is_floating_point() else torch.float32
        sample = torch.linspace(-1, 1, self.hidden_size, device=weight.device, dtype=kind)[None]
        # A bias may be 0 now and learn to be another.
        biased = getattr(plain_layer(self.core.get_output_embeddings()), "bias", None) is not None
        self._temperature = value
        self._divides = Temperature(1.0, value) if biased else Temperature.of(value, self.head, sample)

    @property
    def hidden_size(self) -> int:
        """D, the size of the hidden states that the output head reads."""
        output = self.core.get_output_embeddings()
        return int(getattr(output, "in_features", None) or output.weight.shape[-1])

    @property
    def depth(self) -> int:
        """L, the number of decoder layers."""
        return len(decoder_layers(self.core))

    def set_output_head_trained(self, trained: bool) -> None:
        """Whether the output head is trained; a head that no loss reads would wait for gradients in vain.

        Args:
            trained: if False, its weights are frozen, unless they are those of the embedding.
        """
        head = self.core.get_output_embeddings()
        embedding = self.core.get_input_embeddings()
        if not trained and head.weight is not embedding.weight:
            head.requires_grad_(False)

    def score(
        self,
        forest: Forest,
        stats: Iterable[str | TokenStatistic] = (),
        other: Rows | None = None,
        module: nn.Module | None = None,
        hidden: bool = False,
        layers: Iterable[str] = (),
        ends: bool = False,
        likelihood: bool = True,
        residual: Residual | None = None,
        reading: Reading | None = None,
    ) -> dict[str, Tensor]:
        """Statistics of the forest's K distinct response tokens.

        Args:
            forest: the batch.
            stats: further statistics (see `penchant.likelihood.head`).
            other: rows of the other model, for statistics that compare with it.
            module: the wrapped model (DDP, FSDP) to call; the model itself by default.
            hidden: also return ``hidden``, [K, D] the hidden states from which the output head predicts each token.
            layers: also return the activations of these layers at the tokens, [K, D] each; see
                `penchant.likelihood.inside.layers.find_layer` and `penchant.likelihood.hook.activation_key`.
            ends: also return ``ends``, [R, 2, D] the hidden states at the last token of each prompt and response.
            likelihood: compute log-probabilities and statistics; without, the output head is not applied.
            residual: what is mixed into the embeddings of the response tokens.
            reading: which statistics of the K tokens are read; None for all.

        Returns:
            ``logps`` and each statistic, [K] float32, in the order of ``forest.targets``.

        Raises:
            ModelError: hidden states are requested, and the model's output head is of an unknown kind.
        """
        if (hidden or ends) and self.head is None:
            raise ModelError(
                f"The objective needs hidden states, but the output head of {type(self.core).__name__} is of an "
                "unknown kind.",
                fix="Choose an objective without hidden states, or a model whose last step is its output layer.",
            )
        # Only training has an auxiliary loss; a measurement is of the objective alone.
        router = self.router if torch.is_grad_enabled() else None
        found: dict[str, Tensor] = (module or self.model)(
            score=ScoreRequest(
                forest,
                tuple(stats),
                other,
                reading,
                hidden=hidden,
                ends=ends,
                likelihood=likelihood,
                layers=tuple(layers),
                router=router,
                residual=residual,
                temperature=self._divides,
            )
        )
        self.aux_loss = found.pop("aux_loss", None)
        return found

    def rows(self, forest: Forest, layers: Iterable[str] = ()) -> tuple[Rows, dict[str, Tensor]]:
        """Without gradient: the hidden states that predict the response tokens with their output head, and activations.

        Args:
            forest: the batch.
            layers: layers whose activations at the tokens are returned, [K, D] each, by name.
        """
        wanted = tuple(layers)
        with torch.no_grad():
            found = self.model(score=ScoreRequest(forest, rows_only=True, layers=wanted))
            rows = self._divides.rows(found["rows"], self.head or identity)
            inside = {name: found[activation_key(name)] for name in wanted}
            if UNIT_MEANS in inside:
                inside[UNIT_MEANS] = _with_logits(inside[UNIT_MEANS], rows, self.chunk_rows)
        return rows, inside


def _with_logits(means: Tensor, rows: Rows, chunk_rows: int | None) -> Tensor:
    """Means over units with those of the logits as one kind more, alike for all layers."""
    logits = mean_logits(rows, chunk_rows).to(means.dtype)
    return torch.cat([means, logits[:, None, None].expand(-1, 1, means.shape[-1])], dim=1)


@contextlib.contextmanager
def scorer_of(model: nn.Module | ForestScorer) -> Iterator[ForestScorer]:
    """A scorer of a model, closed at the end; a given scorer is used unchanged and stays open."""
    if isinstance(model, ForestScorer):
        yield model
        return
    scorer = ForestScorer(model)
    try:
        yield scorer
    finally:
        scorer.close()


def _check_scorable(core: Any) -> None:
    if getattr(core, "get_output_embeddings", lambda: None)() is None:
        raise ModelError(
            f"{type(core).__name__} has no output layer over a vocabulary.",
            why="Log-probabilities of tokens need one.",
            fix="Load the model as a causal language model.",
        )
