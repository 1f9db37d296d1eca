"""Tables of next tokens: what pairs hold, and that training moves the values apart."""

from __future__ import annotations

import torch

from penchant.lab.worlds.tabular.token_tables import KEY, draw_tables, train_to_margin
from penchant.objectives import build


def test_values_follow_keys_and_are_right_only_in_chosen_responses() -> None:
    tables = draw_tables(3)
    pairs = tables.pairs(50, torch.Generator().manual_seed(3))
    places = pairs.value.nonzero().flatten()
    right = tables.right[pairs.prompt].unsqueeze(1)
    assert (pairs.tokens["chosen"][:, places] == right).all() and (pairs.tokens["rejected"][:, places] != right).all()
    for tokens in pairs.tokens.values():
        assert (tokens[:, places - 1] == KEY).all() and (tokens >= KEY).all()
    assert 0 < pairs.differs[:, ~pairs.value].double().mean() < 0.5


def test_training_ends_at_its_margin_and_begins_without_divergence() -> None:
    tables = draw_tables(4)
    pairs = tables.pairs(40, torch.Generator().manual_seed(4))
    start = tables.views(pairs, tables.reference)["chosen"]
    assert (start.logratio == 0).all() and start.stat("reference_kl").abs().max() < 1e-12
    found = train_to_margin(tables, build("dpo"), pairs, {}, margin=1.0)
    gained = found.views["chosen"].token_logratio - found.views["rejected"].token_logratio
    assert 1.0 <= gained[:, pairs.value].sum(-1).mean() < 2.0
    assert min(found.divergence.values()) > 0
