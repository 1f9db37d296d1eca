"""The second pass over mixed embeddings equals plain evaluation on embeddings that are mixed by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from families import FALLBACK, VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.errors import ConfigurationError
from penchant.feedback.records import Source
from penchant.forest import Example, TokenSequence, collate
from penchant.likelihood import CausalScorer, build_reference, score_batch
from penchant.objectives import IFT, NLL, Needs, Objective

SEQUENCES = random_trees(0, VOCABULARY)[0]
EXAMPLES = [Example({"chosen": [each]}, {}, 1.0, Source()) for each in SEQUENCES[:5]]


def plain_second_pass(model: nn.Module, sequence: TokenSequence, share: float) -> Tensor:
    """Log-probabilities of a response in its second pass, one sequence at a time."""
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    start = len(sequence.prompt)
    with torch.no_grad():
        predicted = model(input_ids=ids).logits.argmax(-1)
    table = model.get_input_embeddings()  # type: ignore[operator]
    own = table(ids)
    places = torch.tensor(sequence.learned_places) + start
    mixed = own.clone()
    mixed[:, places] = (1 - share) * own[:, places] + share * table(predicted[:, places - 1]).detach()
    logits = model(inputs_embeds=mixed).logits
    every = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)[0]
    return every[places - 1]


def loss_of(objective: Objective, scorer: CausalScorer) -> Tensor:
    """The mean loss of the examples."""
    views = score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), objective.requirements.needs)
    return objective(**views).values.mean()


def gradients(model: nn.Module) -> dict[str, Tensor]:
    """The gradients of a model's parameters, which are cleared."""
    found = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    model.zero_grad()
    return found


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2", *FALLBACK])
def test_the_second_pass_is_that_of_embeddings_mixed_by_hand(name: str) -> None:
    model = tiny_model(name, seed=1)
    scorer = CausalScorer(model)
    needs = Needs(likelihood=False, residual=0.3)
    views = score_batch(scorer, collate(EXAMPLES), build_reference("none", scorer), needs)
    found = views["chosen"].stat("residual_logp")
    found.sum().backward()
    own = gradients(model)
    scorer.close()
    rows = [plain_second_pass(model, each, 0.3) for each in SEQUENCES[:5]]
    expected = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    torch.testing.assert_close(found.detach(), expected.detach(), atol=1e-5, rtol=0)
    expected.sum().backward()
    torch.testing.assert_close(own, gradients(model), atol=2e-5, rtol=1e-4)
    assert not views["chosen"].policy.requires_grad, "nothing reads the gradient of the first pass"


def test_without_mixing_and_without_weights_it_is_exactly_nll() -> None:
    model = tiny_model("llama", seed=1)
    scorer = CausalScorer(model)
    losses, found = [], []
    for objective in (IFT(residual=0.0, discount=0.0), NLL()):
        loss = loss_of(objective, scorer)
        loss.backward()
        losses.append(loss.item())
        found.append(gradients(model))
    assert losses[0] == losses[1]
    torch.testing.assert_close(found[0], found[1], atol=0, rtol=0)


def test_a_small_share_is_near_nll_and_a_large_one_is_not() -> None:
    scorer = CausalScorer(tiny_model("llama", seed=1))
    nll, near, far = (
        loss_of(each, scorer).item()
        for each in (NLL(), IFT(residual=1e-6, discount=0.0), IFT(residual=0.9, discount=0.0))
    )
    assert near == pytest.approx(nll, abs=1e-5)
    assert far != pytest.approx(nll, abs=1e-4)


def test_a_sum_with_another_objective_trains_both_passes() -> None:
    scorer = CausalScorer(tiny_model("llama", seed=1))
    both, alone, nll = (loss_of(each, scorer).item() for each in (IFT() + NLL(), IFT(), NLL()))
    assert both == pytest.approx(alone + nll, abs=1e-5)


def test_two_shares_in_one_sum_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"shares 0\.1 and 0\.2\. There is one second pass"):
        (IFT(residual=0.1) + IFT(residual=0.2)).requirements  # noqa: B018


def test_after_scoring_the_model_reads_plain_embeddings() -> None:
    model = tiny_model("llama", seed=1)
    ids = torch.tensor([[1, 2, 3]])
    before = model(input_ids=ids).logits
    loss_of(IFT(), CausalScorer(model))
    torch.testing.assert_close(model(input_ids=ids).logits, before)
