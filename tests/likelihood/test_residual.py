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
from penchant.likelihood.inside.residual import prediction
from penchant.objectives import IFT, NLL, Needs, Objective
from penchant.objectives.core.mixing import Mixing

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
    needs = Needs(likelihood=False, residual=Mixing(0.3))
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


def test_the_token_of_a_rank_and_the_first_rank_is_the_likeliest() -> None:
    log_probs = torch.tensor([[0.2, 0.5, 0.3], [0.1, 0.3, 0.6]]).log()
    ids = torch.tensor([0, 0])
    for rank, expected in ((1, [1, 2]), (2, [2, 1]), (3, [0, 0]), (9, [0, 0])):
        found = prediction(Mixing(0.2, "ranked", rank=rank), 0)(log_probs, ids, None)
        assert found.tolist() == expected
    assert prediction(Mixing(0.2), 0)(log_probs, ids, None).tolist() == [1, 2]


def test_sampled_tokens_follow_the_distribution_at_its_temperature_and_change_with_the_step() -> None:
    probs = torch.tensor([0.1, 0.6, 0.3])
    places, log_probs = torch.arange(4000), probs.log().expand(4000, 3)
    ids = torch.zeros(4000, dtype=torch.long)
    drawn = {
        (step, heat): prediction(Mixing(0.2, "sampled", temperature=heat), step)(log_probs, ids, None, places)
        for step, heat in ((0, 1.0), (1, 1.0), (0, 0.5))
    }
    for heat in (1.0, 0.5):
        shares = torch.bincount(drawn[0, heat].long(), minlength=3) / 4000
        torch.testing.assert_close(shares, probs ** (1 / heat) / (probs ** (1 / heat)).sum(), atol=0.03, rtol=0)
    assert not torch.equal(drawn[0, 1.0], drawn[1, 1.0])
    cold = prediction(Mixing(0.2, "sampled", temperature=1e-3), 0)(log_probs, ids, None, places)
    assert (cold == 1).all()


@pytest.mark.parametrize("own", [{"predicted": "ranked"}, {"predicted": "sampled"}, {"side": "right"}])
def test_a_step_is_the_sum_of_its_parts(own: dict[str, str]) -> None:
    model = tiny_model("llama", seed=1)
    objective = IFT(residual=0.5, **own)
    losses = {}
    for attention in (None, "sequences"):
        scorer = CausalScorer(model) if attention is None else CausalScorer(model, attention="sequences")
        reference, needs = build_reference("none", scorer), objective.requirements.needs
        for name, parts in (("whole", [EXAMPLES]), ("parts", [EXAMPLES[:2], EXAMPLES[2:]])):
            found = [objective(**score_batch(scorer, collate(each, step=3), reference, needs)).values for each in parts]
            losses[attention, name] = torch.cat(found)
        scorer.close()
    for each in losses.values():
        torch.testing.assert_close(each, losses[None, "whole"], atol=1e-5, rtol=1e-4)
    greedy = IFT(residual=0.5)
    scorer = CausalScorer(model)
    needs = greedy.requirements.needs
    usual = greedy(**score_batch(scorer, collate(EXAMPLES, step=3), build_reference("none", scorer), needs)).values
    assert not torch.allclose(usual, losses[None, "whole"], atol=1e-4)


def test_the_share_rises_in_the_warm_up_and_its_noise_is_that_of_the_step() -> None:
    rising = Mixing(0.4, start=0.1, warmup=10)
    assert [rising.share_at(step) for step in (0, 5, 10, 50)] == pytest.approx([0.1, 0.25, 0.4, 0.4])
    assert rising.share_at(None) == 0.4
    noisy = Mixing(0.4, noise=0.5, seed=1)
    drawn = [noisy.share_at(step) for step in range(400)]
    assert drawn == [noisy.share_at(step) for step in range(400)]
    assert all(0 <= each <= 1 for each in drawn) and len(set(drawn)) > 300
    assert sum(drawn) / 400 == pytest.approx(0.4, abs=0.03) and noisy.share_at(None) == 0.4
    assert drawn != [Mixing(0.4, noise=0.5, seed=2).share_at(step) for step in range(400)]
    assert Mixing(0.0).never and not Mixing(0.0, start=0.2, warmup=3).never
