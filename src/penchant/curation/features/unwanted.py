"""The builder ``unwanted-feature``: labels that reward a feature of the texts are exchanged, or their pairs dropped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import numpy as np
from annotated_types import Gt

from penchant.curation.agreed_pairs import flipped
from penchant.curation.builder import Builder
from penchant.curation.people.majority import item_of
from penchant.curation.rows import Built, as_row, comparisons
from penchant.diagnostics.features.discovery import Discovery, discover
from penchant.diagnostics.features.naming import FeatureName
from penchant.diagnostics.features.training import FeatureSettings
from penchant.diagnostics.pairs import Pair, pairs_of_feedback
from penchant.errors import ConfigurationError
from penchant.feedback.collection import Feedback
from penchant.feedback.kept import kept
from penchant.feedback.records import Comparison, Record

__all__ = ["UnwantedFeature"]


class UnwantedFeature(Builder):
    """Comparisons of which those that reward an unwanted feature most are exchanged or dropped.

    The feature is one of the sparse autoencoder of `penchant diagnose --data`, found by a word that it prints for it;
    of several the one that fits its words best. Where the chosen response has more of it than the rejected one, the
    pairs in which it is largest are changed. ``feature`` is how much more the chosen response had of it before.

    Reference:
        Movva et al. (2025), What's In My Human Feedback?, arXiv:2510.26202: a thousand pairs of Arena.
    """

    id = "unwanted-feature"
    reads = "comparisons"
    writes = ("chosen", "rejected", "feature")

    word: Annotated[str, "a word of the unwanted side of the feature, as `penchant diagnose --data` prints it"]
    count: Annotated[int, Gt(0), "most pairs to change"] = 1000
    how: Annotated[Literal["flip", "drop"], "exchange the two responses, or leave the pair out"] = "flip"
    embedder: Annotated[str, "tf-idf-svd, tf-idf, or the folder of a sentence-embedding model"] = "tf-idf-svd"

    def build(self, records: Iterable[Record]) -> Built:
        """The comparisons, with those changed that reward the feature most."""
        rows = comparisons(records, self.id)
        pairs = pairs_of_feedback(Feedback(kept(list(rows)), kind=Comparison.kind, name=self.id))
        found = discover(pairs, FeatureSettings(embedder=self.embedder))
        strength = _strength(found, self._feature(found), pairs.pairs, self.word)
        largest = sorted((key for key in strength if strength[key] > 0), key=lambda key: -strength[key])
        changed = set(largest[: self.count])
        built = Built([], {"records read": len(rows)})
        for record in rows:
            key = _key(record)
            row = as_row(record) | {"feature": strength.get(key, 0.0)}
            if key in changed:
                built.count({"flip": "flipped", "drop": "dropped"}[self.how])
            if key not in changed or self.how == "flip":
                built.rows.append(flipped(row) if key in changed else row)
        return built

    def _feature(self, found: Discovery) -> int:
        """The feature that has the word, and fits its words best."""
        having = [place for place, name in enumerate(found.names) if self.word in (*name.more, *name.fewer)]
        if not having:
            words = [word for name in found.names for word in (*name.more[:2], *name.fewer[:2])]
            raise ConfigurationError(
                f"No feature has the word {self.word!r}.",
                where="word",
                fix=f"Words of features: {', '.join(dict.fromkeys(words))}.",
            )
        return max(having, key=lambda place: np.nan_to_num(found.names[place].fidelity, nan=-1.0))


def _strength(found: Discovery, place: int, pairs: Sequence[Pair], word: str) -> dict[tuple[str, ...], float]:
    """How much more the chosen response of each pair has of the side of a feature that a word stands for."""
    side = _side(found.names[place], word)
    return {
        _key(pair.record): side * float(value) * (1 if pair.label else -1)
        for pair, value in zip(pairs, found.activations[:, place], strict=True)
    }


def _side(name: FeatureName, word: str) -> int:
    return 1 if word in name.more else -1


def _key(record: Comparison) -> tuple[str, ...]:
    """What equal comparisons share: prompt, responses, and which of them is preferred."""
    return (*item_of(record), repr(record.chosen))
