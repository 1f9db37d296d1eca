"""Outputs of a sequence-classification model at the ends of texts, computed once where they begin alike."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from penchant.forest.attention import ATTENTION
from penchant.forest.build import build_forest
from penchant.forest.layout import TokenSequence
from penchant.likelihood.adapting.virtual import with_virtual_tokens
from penchant.likelihood.core import core_model
from penchant.likelihood.outputs import Outputs, switch_attention
from penchant.likelihood.support import choose_attention

__all__ = ["ClassOutputs", "ClassifierForest"]

log = logging.getLogger("penchant")


class ClassifierForest:
    """Evaluates the texts of one prompt as a forest, so that the prompt is computed once.

    Whether the model can take a forest is tested on a small tree when the object is made: decoders whose layers use
    transformers' attention, with a linear class head called ``score``.

    Args:
        model: a sequence-classification model, or one wrapped by PEFT, in evaluation mode, on its device.
        attention: ``segments``, ``flex``, ``dense``, ``sequences``, or None to choose.

    Reference: ``docs/architecture.md``, section The forest.
    """

    def __init__(self, model: nn.Module, attention: str | None = None) -> None:
        self.core = core_model(with_virtual_tokens(model))
        self.outputs = Outputs(self.core, self.core.forward, self._projection)
        self.attention, self.reason = self._chosen(attention)

    @property
    def shares(self) -> bool:
        """Whether prompts are shared; if not, the model itself is to be called."""
        return self.attention != "sequences"

    def _chosen(self, wanted: str | None) -> tuple[str, str]:
        name = type(self.core).__name__
        if wanted == "sequences":
            return "sequences", "Requested."
        if not callable(getattr(self.core, "score", None)) or self.core.base_model is self.core:
            return "sequences", f"{name} has no linear head called 'score' on a decoder."
        chosen, reason = choose_attention(self.outputs, wanted)
        if chosen != "sequences" and not self._reads_the_end():
            return "sequences", f"{name} does not read its outputs at the last token."
        return chosen, reason

    def _projection(self, hidden: Tensor) -> Tensor:
        """Logits over the vocabulary, by which `choose_attention` compares hidden states.

        A fixed random matrix does, since equal states give equal logits and unequal ones do not.
        """
        rows = self.core.get_input_embeddings().num_embeddings
        generator = torch.Generator().manual_seed(0)
        matrix = torch.randn(hidden.shape[-1], rows, generator=generator) * hidden.shape[-1] ** -0.5
        return hidden.float() @ matrix.to(hidden.device)

    @torch.no_grad()
    def _reads_the_end(self) -> bool:
        """Whether the model's own outputs are those of its head at the last token."""
        rows = self.core.get_input_embeddings().num_embeddings
        ids = [each % rows for each in (7, 3, 5, 11, 13)]
        padding = self.core.config.get_text_config().pad_token_id
        if padding in ids:
            ids = [each for each in range(6) if each != padding]
        given = torch.tensor([ids], device=self.outputs.device)
        own = self.core.forward(input_ids=given, attention_mask=torch.ones_like(given))
        ours = self.core.score(self._states([ids], [0], "sequences"))
        return own.logits.shape == ours.shape and torch.allclose(own.logits.float(), ours.float(), atol=1e-3)

    @torch.no_grad()
    def __call__(self, rows: Sequence[Sequence[int]], groups: Sequence[int]) -> Tensor:
        """The outputs [R, n] at the last token of each text, in one forward pass.

        Args:
            rows: R texts as token ids, of two tokens or more.
            groups: [R] which texts belong to one prompt and share its beginning.
        """
        former = getattr(self.core.config, "_attn_implementation", None)
        switch_attention(self.core, ATTENTION if self.shares else None)
        try:
            return self.core.score(self._states(rows, groups, self.attention))  # type: ignore[no-any-return]
        finally:
            switch_attention(self.core, former)

    def _states(self, rows: Sequence[Sequence[int]], groups: Sequence[int], attention: str) -> Tensor:
        """[R, D] the hidden states at the last token of each text."""
        forest = build_forest([TokenSequence(row[:-1], row[-1:]) for row in rows], groups).to(self.outputs.device)
        ends = self.outputs.of(forest, attention, ends=True).ends
        assert ends is not None
        return ends[:, 1]


class ClassOutputs:
    """The outputs of a sequence-classification model for texts, as a forest where several begin alike and it can.

    Otherwise, and where nothing is shared, they are ordinary padded sequences, with the same results.

    Args:
        model: the model, in evaluation mode, on its device.
        pad: id of the padding, which the model's configuration must name, and which ends no text.
    """

    def __init__(self, model: nn.Module, pad: int) -> None:
        self.model, self.pad = model, pad
        self._forest: ClassifierForest | None = None

    @property
    def forest(self) -> ClassifierForest:
        """What computes texts that begin alike; whether it shares anything is tried when it is first asked for."""
        if self._forest is None:
            self._forest = ClassifierForest(self.model)
            if not self._forest.shares:
                log.info("%s Judging uses ordinary sequences instead, with the same results.", self._forest.reason)
        return self._forest

    @torch.no_grad()
    def __call__(self, rows: Sequence[Sequence[int]], groups: Sequence[int]) -> Tensor:
        """[R, n] the outputs of one forward pass.

        Args:
            rows: R texts as token ids.
            groups: [R] which texts begin alike.
        """
        if len(set(groups)) < len(rows) and min(map(len, rows)) > 1 and self.forest.shares:
            return self.forest(rows, groups)
        device = next(self.model.parameters()).device
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[self.pad] * (longest - len(row))] for row in rows], device=device)
        lengths = torch.tensor([len(row) for row in rows], device=device)
        mask = (torch.arange(longest, device=device)[None] < lengths[:, None]).long()
        outputs: Tensor = self.model(input_ids=ids, attention_mask=mask).logits
        return outputs.float()
