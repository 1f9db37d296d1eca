"""Gradient entanglement: verdicts on given gradients, and on a real model a step that does what was foretold."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from families import tiny_model
from penchant.diagnostics.entanglement import entanglement, pulls
from penchant.diagnostics.gradients import pair_entanglement, token_agreement, token_cosines
from penchant.errors import ConfigurationError, ModelError
from penchant.forest import TokenSequence
from penchant.likelihood.logps import sequence_logps

VECTORS = st.lists(st.floats(-3, 3), min_size=4, max_size=4).filter(lambda each: max(map(abs, each)) > 0.1)
PULLS = st.floats(0.1, 5.0)


def row(values: list[float]) -> torch.Tensor:
    return torch.tensor([values], dtype=torch.float64)


@given(VECTORS)
def test_equal_gradients_have_condition_one_and_move_nothing(values: list[float]) -> None:
    found = entanglement(row(values), row(values))
    assert float(found.condition) == pytest.approx(1.0) and float(found.cosine) == pytest.approx(1.0)
    assert float(found.chosen_change) == float(found.rejected_change) == 0
    assert found.verdicts == ["desired"]


def test_orthogonal_gradients_are_as_desired() -> None:
    found = entanglement(row([1.0, 0.0]), row([0.0, 3.0]))
    assert float(found.condition) == 0 and found.verdicts == ["desired"]


@given(VECTORS, VECTORS, PULLS, PULLS)
def test_verdicts_are_those_of_the_paper(one: list[float], other: list[float], high: float, low: float) -> None:
    found = entanglement(row(one), row(other), high, low)
    inner, chosen, rejected = float(found.inner), float(found.chosen_square), float(found.rejected_square)
    up, down = inner - low / high * rejected, inner - high / low * chosen
    if min(abs(up), abs(down)) < 1e-9:
        return
    assert not (up > 0 and down > 0)
    assert found.verdicts == ["both up" if up > 0 else "both down" if down > 0 else "desired"]
    if high == low:
        assert (float(found.condition) <= 1) == (found.verdicts == ["desired"])


@given(VECTORS, VECTORS)
def test_the_condition_takes_the_smaller_norm_whichever_side_it_is_on(one: list[float], other: list[float]) -> None:
    forth, back = entanglement(row(one), row(other)), entanglement(row(other), row(one))
    assert torch.allclose(forth.condition, back.condition)


def test_pulls_of_losses_and_wrong_arguments() -> None:
    assert pulls("sum", 3.0, 5.0) == (1.0, 1.0)
    assert pulls("nll", 3.0, 5.0, lambda_=0.5) == (1.5, 1.0)
    with pytest.raises(ConfigurationError, match="no form of loss 'men'"):
        pulls("men", 1.0, 1.0)
    with pytest.raises(ConfigurationError, match="expected"):
        entanglement(torch.ones(2, 3), torch.ones(2, 4))
    with pytest.raises(ConfigurationError, match="not above 0"):
        entanglement(torch.ones(1, 3), torch.ones(1, 3), 0.0)


PAIRS = [
    (TokenSequence([1, 5, 6], [7, 8, 9, 2]), TokenSequence([1, 5, 6], [7, 10, 2])),
    (TokenSequence([1, 8], [11, 12, 13, 14, 2]), TokenSequence([1, 8], [15, 2])),
]


def plain_gradient(model: Any, sequence: TokenSequence) -> torch.Tensor:
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    table = model(ids).logits.log_softmax(-1)[0]
    start = len(sequence.prompt)
    total = sum(table[place - 1, ids[0, place]] for place in range(start, ids.shape[1]))
    found = torch.autograd.grad(total, list(model.parameters()), allow_unused=True)  # type: ignore[arg-type]
    return torch.cat([each.flatten() for each in found if each is not None]).double()


def test_products_are_those_of_plain_gradients() -> None:
    model = tiny_model("llama").float()
    found = pair_entanglement(model, PAIRS)
    gradients = [[plain_gradient(model, each) for each in side] for side in zip(*PAIRS, strict=True)]
    expected = entanglement(torch.stack(gradients[0]), torch.stack(gradients[1]))
    assert torch.allclose(found.inner, expected.inner, rtol=1e-4)
    assert torch.allclose(found.chosen_square, expected.chosen_square, rtol=1e-4)
    assert torch.allclose(found.rejected_square, expected.rejected_square, rtol=1e-4)
    assert found.verdicts == expected.verdicts


@pytest.mark.parametrize("form", ["sum", "mean", "dpop"])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_small_step_changes_the_likelihoods_as_foretold(form: str, pair: Any) -> None:
    model, step = tiny_model("llama").double(), 1e-6
    found = pair_entanglement(model, [pair], form=form, lambda_=5.0)
    prompts, responses = [each.prompt for each in pair], [each.response for each in pair]
    before = sequence_logps(model, prompts, responses)
    gradients = [plain_gradient_of_each(model, each) for each in pair]
    with torch.no_grad():
        for parameter, up, down in zip(model.parameters(), *gradients, strict=True):
            parameter += step * (float(found.chosen_pull) * up - float(found.rejected_pull) * down)
    after = sequence_logps(model, prompts, responses)
    foretold = [float(found.chosen_change), float(found.rejected_change)]
    for old, new, change in zip(before, after, foretold, strict=True):
        assert (new - old) / step == pytest.approx(change, rel=0.02, abs=0.02 * max(map(abs, foretold)))


def plain_gradient_of_each(model: Any, sequence: TokenSequence) -> list[torch.Tensor]:
    flat, taken = plain_gradient(model, sequence), 0
    found = []
    for parameter in model.parameters():
        found.append(flat[taken : taken + parameter.numel()].reshape(parameter.shape))
        taken += parameter.numel()
    return found


def test_tokens_that_both_responses_begin_with_pull_the_same_way() -> None:
    model = tiny_model("llama")
    cosines = token_cosines(model, PAIRS[0])
    assert cosines.shape == (4, 3)
    assert float(cosines[0, 0]) == pytest.approx(1.0, abs=1e-5)  # the same token after the same tokens
    assert float(cosines.abs().max()) <= 1 + 1e-6
    means = token_agreement(model, PAIRS)
    assert means["cosine_equal"] > means["cosine_different"]


def test_a_model_without_trained_parameters_is_refused_and_left_as_it_was() -> None:
    model = tiny_model("llama").requires_grad_(False)
    forward = model.forward
    with pytest.raises(ModelError, match="no trainable parameter"):
        pair_entanglement(model, PAIRS)
    assert model.forward == forward
