"""The builder ``density-ratio``: how likely a prompt is to be that of a desirable record."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt

from penchant.checks.duplicates import content_key
from penchant.curation.builder import Builder
from penchant.curation.prompt_embeddings import hidden_states, word_vectors
from penchant.curation.rows import Built, as_row
from penchant.errors import DataError
from penchant.feedback.records import Judgement, Record

if TYPE_CHECKING:
    import numpy.typing

    Vectors = numpy.typing.NDArray[numpy.float64]

__all__ = ["DensityRatio", "density_ratio", "fitted_probabilities"]


class DensityRatio(Builder):
    """The probability that a prompt is that of a desirable record, in the field ``prob_desirable``.

    For the objective ``bco`` where liked and disliked responses answer different prompts (underlying distribution
    matching): a logistic regression with balanced classes on embeddings of the prompts. Embeddings are mean hidden
    states of a model (usually the one to train), or, without a model, TF-IDF of words with a singular value
    decomposition. Several records of one prompt count several times. A record that has the field keeps it.

    The count *AUC of the classifier* is measured on prompts that it was not fitted on: near 50 % the prompts of both
    classes are alike, and the weights are noise.

    Example:
        >>> from penchant.feedback import read
        >>> rows = [{"prompt": f"{word} {n}", "completion": "x", "label": word == "sun"} for word in ("sun", "rain")
        ...         for n in range(4)]
        >>> built = DensityRatio().build(read(rows))
        >>> built.rows[0]["prob_desirable"] > 0.5 > built.rows[-1]["prob_desirable"]
        True

    Reference:
        Jung, Han, Nam, On (2024), Binary Classifier Optimization for Large Language Model Alignment, section 4.2.
    """

    id = "density-ratio"
    reads = "judgements"
    writes = ("prob_desirable",)

    model: Annotated[str | None, "model folder or hub id whose hidden states embed the prompts; default: words"] = None
    sample_size: Annotated[int, Ge(2), "records of each class that the classifier is fitted on, drawn at random"] = 1024
    dimensions: Annotated[int, Ge(1), "dimensions of the embeddings by words"] = 64
    chat_template: Annotated[str | None, "template: plain, chatml, or a Jinja file; default: the tokenizer's"] = None
    max_length: Annotated[int | None, "maximum tokens of a prompt for the model, cut on the left"] = 512
    batch_size: Annotated[int, Gt(0), "prompts embedded at once"] = 16
    seed: Annotated[int, Ge(0), "random seed"] = 0

    def build(self, records: Iterable[Record]) -> Built:
        """Add the probability to each record.

        Raises:
            DataError: a record is not a judgement, or one class has fewer than two records.
        """
        judged = _judgements(records)
        places, prompts = _distinct(judged)
        labels = [record.label for record in judged]
        vectors = self._embedded(prompts)
        chances, area = fitted_probabilities(vectors, places, labels, self.sample_size, self.seed)
        built = Built([], {"records read": len(judged), "distinct prompts": len(prompts)})
        for record, place in zip(judged, places, strict=True):
            row = as_row(record)
            built.count("records that have the field", int("prob_desirable" in row))
            built.rows.append({**row, "prob_desirable": row.get("prob_desirable", round(chances[place], 6))})
        if area is not None:
            built.count("AUC of the classifier on other prompts, percent", round(100 * area))
        return built

    def _embedded(self, prompts: Sequence[Any]) -> Vectors:
        if self.model is None:
            return word_vectors(prompts, self.dimensions, self.seed)
        return hidden_states(
            self.model,
            prompts,
            chat_template=self.chat_template,
            max_length=self.max_length,
            batch_size=self.batch_size,
        )


def density_ratio(records: Iterable[Record], **settings: Any) -> Built:
    """`DensityRatio` in one call.

    Args:
        records: judgements.
        settings: those of `DensityRatio`.

    Example:
        >>> density_ratio([Judgement(prompt="Hi", completion="Hello!", label=True)])
        Traceback (most recent call last):
        penchant.errors.DataError: There are 1 desirable and 0 undesirable records; both classes need two. ...
    """
    return DensityRatio(**settings).build(records)


def fitted_probabilities(
    vectors: Vectors, places: Sequence[int], labels: Sequence[bool], sample_size: int, seed: int
) -> tuple[list[float], float | None]:
    """P(desirable | prompt) of each prompt, by a logistic regression with balanced classes.

    Args:
        vectors: [P, D] the embedding of each prompt.
        places: for each record, the index of its prompt.
        labels: for each record, whether it is desirable.
        sample_size: largest number of records of each class to fit on.
        seed: seed of the sample.

    Returns:
        The probability of each prompt, and the area under the ROC curve on prompts that were not fitted on (five folds;
        None with fewer than five prompts of a class).

    Example:
        >>> import numpy
        >>> fitted_probabilities(numpy.zeros((2, 1)), [0, 1], [True, False], 8, 0)
        ([0.5, 0.5], None)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    rng = random.Random(seed)
    chosen: list[int] = []
    for label in (True, False):
        own = [number for number, each in enumerate(labels) if each == label]
        chosen += own if len(own) <= sample_size else sorted(rng.sample(own, sample_size))
    rows = [places[number] for number in chosen]
    truth = [int(labels[number]) for number in chosen]
    model = LogisticRegression(class_weight="balanced", max_iter=1000)
    chances = [float(each) for each in model.fit(vectors[rows], truth).predict_proba(vectors)[:, 1]]
    several = min(len({row for row, own in zip(rows, truth, strict=True) if own == label}) for label in (0, 1)) >= 5
    if not several:
        return chances, None
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    unseen = cross_val_predict(model, vectors[rows], truth, groups=rows, cv=folds, method="predict_proba")[:, 1]
    return chances, float(roc_auc_score(truth, unseen))


def _judgements(records: Iterable[Record]) -> list[Judgement]:
    found: list[Judgement] = []
    for record in records:
        if not isinstance(record, Judgement):
            raise DataError(
                f"density-ratio needs judgements, but this is a record of kind {record.kind!r}.",
                where=str(record.source),
                fix="Give a file with prompt, completion and label.",
            )
        found.append(record)
    good = sum(record.label for record in found)
    if min(good, len(found) - good) < 2:
        raise DataError(
            f"There are {good} desirable and {len(found) - good} undesirable records; both classes need two.",
            why="The classifier tells the prompts of both classes apart.",
            fix="Check which column is the label: --map label=COLUMN.",
        )
    return found


def _distinct(judged: Sequence[Judgement]) -> tuple[list[int], list[Any]]:
    """For each record the place of its prompt, and the distinct prompts."""
    known: dict[Hashable, int] = {}
    prompts: list[Any] = []
    places = []
    for record in judged:
        place = known.setdefault(content_key(record.prompt), len(prompts))
        if place == len(prompts):
            prompts.append(record.prompt)
        places.append(place)
    return places, prompts
