"""The sparse autoencoder of response differences: the properties that its method sheet lists."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from penchant.diagnostics.features.autoencoder import SparseAutoencoder, normalised_error

SEEDS = st.integers(0, 500)


def model_and_rows(seed: int, **settings: object) -> tuple[SparseAutoencoder, torch.Tensor]:
    torch.manual_seed(seed)
    model = SparseAutoencoder(5, features=8, active=2, **settings).double()  # type: ignore[arg-type]
    return model.train(), torch.randn(6, 5, dtype=torch.float64)


@given(SEEDS)
def test_turned_rows_have_turned_activations_and_the_same_loss(seed: int) -> None:
    model, rows = model_and_rows(seed)
    found, turned = model(rows), model(-rows)
    torch.testing.assert_close(turned.activations, -found.activations)
    torch.testing.assert_close(model.loss(-rows, turned), model.loss(rows, found))


@given(SEEDS, st.floats(0.0, 3.0))
def test_so_many_features_fire_in_training_and_those_above_the_threshold_later(seed: int, threshold: float) -> None:
    model, rows = model_and_rows(seed)
    found = model(rows)
    assert found.activations.count_nonzero() == 2 * len(rows)
    kept = found.activations != 0
    assert found.raw[kept].abs().min() >= found.raw[~kept].abs().max()
    assert float(model.threshold) > 0
    model.threshold.fill_(threshold)
    later = model.eval()(rows).activations
    assert ((later != 0) == (found.raw.abs() > threshold)).all()


def test_one_prefix_of_all_features_is_plain_and_predicting_the_mean_is_one() -> None:
    (plain, rows), (whole, _) = model_and_rows(3), model_and_rows(3, prefixes=[8])
    whole.load_state_dict(plain.state_dict())
    assert plain.loss(rows, plain(rows)) == whole.loss(rows, whole(rows))
    short = model_and_rows(3, prefixes=[3, 8], auxiliary=0)[0]
    short.load_state_dict(plain.state_dict())
    encoded = short(rows)
    first = encoded.activations[:, :3] @ short.decoder.weight[:, :3].T + short.input_bias
    both = (normalised_error(first, rows) + normalised_error(encoded.reconstruction, rows)) / 2
    torch.testing.assert_close(short.loss(rows, encoded), both)
    mean = rows.mean(0, keepdim=True).expand_as(rows)
    torch.testing.assert_close(normalised_error(mean, rows), torch.tensor(1.0, dtype=torch.float64))


def test_dead_features_learn_from_what_is_left_and_move_nothing_else() -> None:
    model, rows = model_and_rows(4, dead_after=0, auxiliary=8)
    encoded = model(rows)
    dead = model.idle > 0
    assert dead.any() and not dead.all()
    extra = model.loss(rows, encoded) - model.loss(rows, encoded, auxiliary=0.0)
    [found] = torch.autograd.grad(extra, model.decoder.weight)
    assert found[:, dead].any() and not found[:, ~dead].any()
