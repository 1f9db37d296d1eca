"""Language models as predictors of ratings: prompted and fine-tuned, with a tiny model."""

from __future__ import annotations

import pytest
import torch

from penchant.errors import ConfigurationError
from penchant.evaluation.recommendation.ratings.models import FineTuning, fine_tuned, prompted
from penchant.evaluation.recommendation.ratings.protocol import Split, rating_metrics, split_by_time
from penchant.evaluation.recommendation.ratings.report import rating_table
from penchant.lab.worlds.catalogue import CatalogueWorld
from penchant.lab.worlds.language import tiny_model

WORLD = CatalogueWorld(users=6, items=20, ratings=6)


@pytest.fixture(scope="module")
def split() -> Split:
    return split_by_time(WORLD.rated())


def test_a_model_that_writes_no_number_falls_back_to_the_mean_and_is_counted(split: Split) -> None:
    tokenizer = WORLD.tokenizer()
    model = tiny_model(tokenizer, hidden=32, layers=1)
    with torch.no_grad():  # tied embeddings of zero: all tokens are as likely, and the first is no number
        model.get_input_embeddings().weight.zero_()
    found = prompted(model, tokenizer, split)
    assert found.failures == 1.0
    assert found.predicted == [sum(e.rating for e in task.history) / len(task.history) for task in split.tasks]


def test_demonstrations_are_of_other_users(split: Split) -> None:
    tokenizer = WORLD.tokenizer()
    model = tiny_model(tokenizer, hidden=32, layers=1)
    assert len(prompted(model, tokenizer, split, shots=3).predicted) == len(split.tasks)
    with pytest.raises(ConfigurationError, match="5 other users for 6 demonstrations"):
        prompted(model, tokenizer, split, shots=6)


@pytest.mark.parametrize("head", ["classification", "regression"])
def test_fine_tuning_learns_the_training_ratings(head: str, split: Split) -> None:
    """The tasks are the training ratings themselves, so a model that learns must get close to them."""
    own = Split(split.train, tuple(task for task in split_by_time(split.train).tasks))
    before, after = (
        rating_metrics(
            fine_tuned(
                tiny_model(WORLD.tokenizer(), hidden=32, layers=1),
                WORLD.tokenizer(),
                own,
                FineTuning(head=head, epochs=epochs, learning_rate=5e-3, batch_size=8),  # type: ignore[arg-type]
            ),
            own.tasks,
        )["RMSE"]
        for epochs in (1, 25)
    )
    assert after < 0.7 * before


def test_the_table_has_every_predictor_at_every_share(split: Split) -> None:
    def load() -> object:
        return tiny_model(WORLD.tokenizer(), hidden=32, layers=1)

    rows = rating_table(split, load, WORLD.tokenizer(), shares=(0.5, 1.0), epochs=1)
    assert [row["predictor"] for row in rows[:3]] == ["zero-shot", "few-shot", "user's past mean"]
    assert {(row["predictor"], row["share"]) for row in rows[3:]} == {
        (name, share)
        for name in (
            "global mean",
            "item mean",
            "matrix factorisation",
            "fine-tuned, classification",
            "fine-tuned, regression",
        )
        for share in (0.5, 1.0)
    }
    assert all(row["RMSE"] >= row["MAE"] > 0 for row in rows)


def test_what_cannot_be_learned_is_refused(split: Split) -> None:
    with pytest.raises(ConfigurationError, match="no head 'ranking'"):
        FineTuning(head="ranking")  # type: ignore[arg-type]
    alone = Split(split.train[:1], split.tasks)
    with pytest.raises(ConfigurationError, match="two ratings"):
        fine_tuned(tiny_model(WORLD.tokenizer(), hidden=32, layers=1), WORLD.tokenizer(), alone)
