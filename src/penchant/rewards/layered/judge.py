"""`Levi`, a judge that scores with heads on several layers of a frozen language model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from penchant.feedback.records import Text
from penchant.likelihood.loading import load_model
from penchant.manifest import hash_of
from penchant.rendering.renderer import Renderer
from penchant.rendering.tokenizer import load_tokenizer
from penchant.rewards.frozen import FrozenModelJudge
from penchant.rewards.layered.features import LayeredFeatures
from penchant.rewards.layered.folder import WEIGHTS_FILE, load_layered

__all__ = ["Levi"]


class Levi(FrozenModelJudge):
    """Scores with the ensemble that `penchant levi` trained: the mean of heads on several layers of a frozen model.

    A difference of scores is a Bradley-Terry logit; after training on labels a score is the logit of a good response
    (arXiv 2402.04644).

    Args:
        settings: ``folder`` and the others.

    Raises:
        ModelError: the folder holds no ensemble, or its model cannot be loaded.
    """

    id = "levi"
    formula = "the mean of heads on several layers of a frozen model"
    span = "any, higher is better; a difference is a Bradley-Terry logit"
    advice = "Trust it only where its accuracy on data from elsewhere holds up."
    folder: Annotated[str, "folder that `penchant levi` wrote"]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.layered = load_layered(self.folder)
        source = self.model or self.layered.model
        renderer = Renderer(load_tokenizer(source), chat_template=self.layered.chat_template)
        self.features = LayeredFeatures(load_model(source), renderer, self.layered.layers, self.batch_size)

    def identity(self) -> str:
        """See `Judge.identity`."""
        numbers = hash_of(Path(self.folder) / WEIGHTS_FILE)
        return f"{self.id} {numbers} {self.read_by} {self.layered.layers}"

    def score_all(self, prompts: Sequence[Text], responses: Sequence[Sequence[str]]) -> list[list[float]]:
        """See `Judge.score_all`."""
        counts = [len(own) for own in responses]
        if not sum(counts):
            return [[] for _own in counts]
        scores = self.layered.ensemble.scores(self.features.read(prompts, responses))
        return [[float(value) for value in own] for own in scores.split(counts)]
