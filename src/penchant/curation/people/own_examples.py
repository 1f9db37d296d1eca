"""The builder ``own-examples``: comparisons behind the nearest ones that their own annotator has labelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge

from penchant.curation.builder import Builder
from penchant.curation.few_shot import shown_before
from penchant.curation.people.majority import annotator_of, item_of
from penchant.curation.rows import Built, as_row, comparisons
from penchant.errors import DataError
from penchant.feedback import read
from penchant.feedback.records import Comparison, Record, as_text
from penchant.likelihood.inside.text_embeddings import find_embedder

__all__ = ["OwnExamples"]


class OwnExamples(Builder):
    """Comparisons whose prompts show the nearest pairs that the same annotator has labelled.

    A judge that reads prompts, such as a language model, then judges for this person without training. The labelled
    pairs come from another file; a pair of the same responses is never shown with itself, and other people's never.
    ``original_prompt`` is the prompt as it was.

    Reference:
        Peng, Bigham, Wu (2025), DesignPref: Capturing Personal Preferences in Visual Design Generation,
        arXiv:2511.20513.
    """

    id = "own-examples"
    reads = "comparisons with an annotator"
    writes = ("prompt", "original_prompt")

    labelled: Annotated[str, "file of the annotators' labelled comparisons"]
    shots: Annotated[int, Ge(0), "number k of pairs in each prompt; 0 leaves the prompts as they are"] = 4
    annotator: Annotated[str, "the field that names the annotator"] = "annotator"
    embedder: Annotated[
        str, "tf-idf-svd or tf-idf, fitted to the prompts, or the folder of a sentence-embedding model"
    ] = "tf-idf-svd"

    def build(self, records: Iterable[Record]) -> Built:
        """The comparisons with their examples, the nearest one last."""
        pairs = comparisons(records, self.id)
        known: dict[str, list[Comparison]] = {}
        for pair in comparisons(read(self.labelled), self.id):
            known.setdefault(annotator_of(pair, self.annotator), []).append(pair)
        built = Built([], {"records read": len(pairs)})
        vectors = self._vectors(pairs, known)
        for place, pair in enumerate(pairs):
            own = known.get(annotator_of(pair, self.annotator), [])
            shots = self._nearest(pair, vectors[place], own, vectors)
            if len(shots) < self.shots:
                built.count(f"with fewer than {self.shots} examples")
            try:
                prompt = shown_before(shots, pair.prompt)
            except DataError as error:
                raise DataError(error.what, where=str(pair.source)) from None
            built.rows.append(as_row(pair) | {"prompt": prompt, "original_prompt": pair.prompt})
            built.count("comparisons")
        return built

    def _vectors(self, pairs: Sequence[Comparison], known: dict[str, list[Comparison]]) -> dict[object, np.ndarray]:
        """The vector of each asked pair by its place, and of each labelled one by its identity in memory."""
        labelled = [pair for own in known.values() for pair in own]
        texts = [as_text(pair.prompt) for pair in [*pairs, *labelled]]
        if not self.shots or not labelled:
            return dict.fromkeys(range(len(pairs)), np.zeros(1))
        rows = find_embedder(self.embedder, texts).embed(texts)
        return dict(zip([*range(len(pairs)), *map(id, labelled)], rows, strict=True))

    def _nearest(
        self, pair: Comparison, vector: np.ndarray, own: Sequence[Comparison], vectors: dict[object, np.ndarray]
    ) -> list[Comparison]:
        """The nearest labelled pairs, the nearest one last; the first of equally near ones."""
        if not self.shots:
            return []
        others = [each for each in own if item_of(each) != item_of(pair)]
        near = sorted(others, key=lambda each: -float(vectors[id(each)] @ vector))[: self.shots]
        return near[::-1]
