"""SparsePO: its limits, what its masks are, and states of the reference from text to loss."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from families import tiny_model
from forest.words import renderer
from objectives.drawing import HIDDEN, LAYERS, random_inputs
from penchant.errors import ConfigurationError
from penchant.feedback import read
from penchant.forest import Encoder, collate
from penchant.likelihood import CausalScorer, build_reference
from penchant.objectives import build
from penchant.objectives.core.requirements import EVERY_LAYER, UNIT_MEANS
from penchant.objectives.functional.pairs import logistic
from penchant.objectives.functional.token_masks import LayerMask, Masks, rescaled_means
from penchant.receipts.cases import Case
from penchant.receipts.token_level import sparsepo

ROWS = [
    {"prompt": "the cat", "chosen": " sat on the dog", "rejected": " ran"},
    {"prompt": "a dog", "chosen": " ran down", "rejected": " sat on a cat"},
]


def drawn(**hyper: Any) -> tuple[Any, dict[str, Any]]:
    objective = build("sparsepo", **hyper)
    return objective, random_inputs(objective, seed=2)


def constant(inputs: dict[str, Any], reward: float, divergence: float) -> list[Masks]:
    """The same masks at every token of both responses."""
    shapes = [torch.ones_like(inputs[side].policy.detach()) for side in ("chosen", "rejected")]
    return [Masks(reward * each, divergence * each) for each in shapes]


def test_with_masks_of_one_the_divergences_enter_as_in_tdpo1_and_without_them_it_is_dpo() -> None:
    objective, inputs = drawn(beta=0.3)
    pair = (inputs["chosen"], inputs["rejected"])
    spent = [each.stat("reference_kl").sum(-1) for each in pair]
    expected = logistic(0.3 * (pair[0].logratio - pair[1].logratio - (spent[1] - spent[0])))
    torch.testing.assert_close(objective.under(*pair, *constant(inputs, 1.0, 1.0)), expected)
    dpo = build("dpo", beta=0.3)(chosen=pair[0], rejected=pair[1]).values
    torch.testing.assert_close(objective.under(*pair, *constant(inputs, 1.0, 0.0)), dpo)


def test_masks_of_zero_leave_log_two_and_no_gradient() -> None:
    objective, inputs = drawn()
    values = objective.under(inputs["chosen"], inputs["rejected"], *constant(inputs, 0.0, 0.0))
    torch.testing.assert_close(values, torch.full_like(values, math.log(2)))
    [gradient] = torch.autograd.grad(values.sum(), [inputs["chosen"].policy])
    assert (gradient[inputs["chosen"].mask] == 0).all()


def test_penalties_count_every_mask_of_both_responses_and_a_common_mask_twice() -> None:
    free, inputs = drawn()
    paid = build("sparsepo", l1_reward=0.1, l1_kl=0.2)
    paid.load_state_dict(free.state_dict())
    masks = [free.masks(inputs[side]).reward for side in ("chosen", "rejected")]
    size = sum((mask * inputs[side].mask).sum(-1) for mask, side in zip(masks, ("chosen", "rejected"), strict=True))
    torch.testing.assert_close(paid(**inputs).values - free(**inputs).values, 0.3 * size)


@pytest.mark.parametrize("layers", ["all", "last"])
def test_masks_are_never_negative_and_their_networks_learn(layers: str) -> None:
    objective, inputs = drawn(common_mask=False, layers=layers)
    result = objective(**inputs)
    masks = objective.masks(inputs["chosen"])
    assert (masks.reward >= 0).all() and not torch.equal(masks.reward, masks.divergence)
    assert ((result.statistics["sparsity/chosen"] >= 0) & (result.statistics["sparsity/chosen"] <= 1)).all()
    result.values.sum().backward()
    assert all(each.grad.abs().sum() > 0 for each in objective.parameters())


def test_a_network_is_what_its_formula_says_in_modules_of_torch() -> None:
    norm, parts = torch.nn.LayerNorm(HIDDEN), [torch.nn.Linear(HIDDEN, 1) for _ in range(LAYERS)]
    mixer, states = torch.nn.Linear(LAYERS, 1, bias=False), torch.randn(LAYERS, 5, HIDDEN)
    with torch.no_grad():
        each = torch.cat([torch.relu(part(norm(states[at]))) for at, part in enumerate(parts)], dim=-1)
        expected = torch.relu(mixer(each)).squeeze(-1)
    weights = {f"w_per_layer.{at}.w.weight": part.weight.tolist() for at, part in enumerate(parts)}
    weights |= {f"w_per_layer.{at}.w.bias": part.bias.tolist() for at, part in enumerate(parts)}
    weights |= {"mixer.weight": mixer.weight.tolist(), "layer_norm.weight": norm.weight.tolist()}
    weights |= {"layer_norm.bias": norm.bias.tolist()}
    inputs = {"hidden_states_per_layer": states.tolist(), "weights": weights}
    found = sparsepo(Case("sparsepo", {"layer_norm_eps": 1e-5}, inputs))["mask"]
    torch.testing.assert_close(torch.tensor(found), expected)


def test_networks_come_back_from_their_state_and_refuse_another_model() -> None:
    objective, inputs = drawn(common_mask=False)
    again = build("sparsepo", common_mask=False).double()
    again.load_state_dict(objective.state_dict())
    torch.testing.assert_close(again(**inputs).values, objective(**inputs).values)
    with pytest.raises(ConfigurationError, match=r"created for \[2, 3\].*\[5, 3\]"):
        objective.bind_layers(HIDDEN, 5)
    with pytest.raises(ConfigurationError, match="bind_layers"):
        LayerMask()(torch.zeros(1, 2, 3))


def test_rescaled_means_reach_from_zero_to_one_and_know_no_scale() -> None:
    means = torch.randn(3, 6, 1, 1, dtype=torch.double)
    mask = torch.arange(6) < torch.tensor([[6], [4], [2]])
    means = means.masked_fill(~mask[..., None, None], float("nan"))
    found = rescaled_means(means, mask)
    inside = torch.where(mask, found, 0.5)
    assert (inside.amin(1) == 0).all() and (inside.amax(1) == 1).all() and (found[~mask] == 0).all()
    torch.testing.assert_close(rescaled_means(5 * means - 2, mask), found)
    assert rescaled_means(torch.ones(1, 3, 2, 2), torch.ones(1, 3, dtype=torch.bool)).tolist() == [[1.0] * 3]
    two = torch.cat([means, torch.full_like(means, torch.nan)], dim=-1)  # a layer without this kind of activation
    torch.testing.assert_close(rescaled_means(two, mask), found)


@pytest.mark.parametrize("attention", [None, "sequences"])
def test_the_reference_gives_the_states_that_predict_each_token(attention: str | None) -> None:
    base = tiny_model("llama", seed=1)
    scorer, reference = CausalScorer(tiny_model("llama"), attention), CausalScorer(base, attention)
    needs = replace(
        build("sparsepo").requirements.needs, reference_states=frozenset({EVERY_LAYER, UNIT_MEANS}), stats=frozenset()
    )
    batch = collate(Encoder(renderer(), ["chosen", "rejected"]).encode(read(ROWS).records).examples)
    views = scorer.score_batch(batch, build_reference("initial", reference), needs)
    reference.close()
    for side, view in views.items():
        for row, place in enumerate(batch.rows[side].tolist()):
            sequence = batch.forest.sequences[place]
            ids = torch.tensor([[*sequence.prompt, *sequence.response]])
            with torch.no_grad():
                out = base(ids, output_hidden_states=True)
            before = slice(len(sequence.prompt) - 1, -1)
            tokens = len(sequence.response)
            found = view.activation(EVERY_LAYER, of_reference=True)[row, :tokens]
            # The last of transformers' states is normed; the others are the layers' outputs.
            for layer, states in enumerate(out.hidden_states[1:-1]):
                torch.testing.assert_close(found[:, layer], states[0, before], rtol=1e-4, atol=1e-5)
            means = view.activation(UNIT_MEANS, of_reference=True)[row, :tokens]
            first = out.hidden_states[1][0, before].mean(-1)
            torch.testing.assert_close(means[:, 0, 0], first, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(means[:, -1, 0], out.logits[0, before].mean(-1), rtol=1e-4, atol=1e-5)
            assert not means.isnan().any() and means.shape[1] == 1 + 4 + 1 + 1  # layer, q k v o, block, logits
    assert found.shape[1] == scorer.depth
