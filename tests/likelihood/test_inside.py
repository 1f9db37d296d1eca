"""Statistics over the whole vocabulary and activations of layers, against full logits and plain hooks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from families import FALLBACK, VOCABULARY, tiny_model
from forest.trees import random_trees
from penchant.errors import ConfigurationError
from penchant.feedback.records import Source
from penchant.forest import Example, TokenSequence, collate
from penchant.likelihood import CausalScorer, build_reference, score_batch
from penchant.likelihood.inside.layers import decoder_layers, find_layer, recorded
from penchant.objectives import Needs
from penchant.objectives.core.token_statistic import TokenStatistic

SEQUENCES = random_trees(0, VOCABULARY)[0][:4]
EXAMPLES = [
    Example({"forget": [SEQUENCES[0]], "retain": [SEQUENCES[1]]}, {}, 1.0, Source()),
    Example({"forget": [SEQUENCES[2]], "retain": [SEQUENCES[3]]}, {}, 1.0, Source()),
]
VIEWS = {"forget": [SEQUENCES[0], SEQUENCES[2]], "retain": [SEQUENCES[1], SEQUENCES[3]]}


def lowered(log_probs: Tensor, ids: Tensor, reference: Tensor | None, by: float) -> Tensor:
    """Cross-entropy against the reference's softmax with the true token's logit lowered."""
    assert reference is not None
    target = torch.softmax(reference.scatter_add(-1, ids[:, None], torch.full_like(ids[:, None], -by).float()), -1)
    return -(target * log_probs).sum(-1)


LOWERED = TokenStatistic(lowered, (("by", 3.0),), reference=True)


def full(model: torch.nn.Module, sequence: TokenSequence) -> Tensor:
    """[T, V] log-probabilities that predict the response, from one plain forward pass."""
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    logits = model(input_ids=ids, use_cache=False).logits[0].float()
    return torch.log_softmax(logits[len(sequence.prompt) - 1 : -1], dim=-1)


def plainly(policy: torch.nn.Module, base: torch.nn.Module, sequence: TokenSequence) -> dict[str, Tensor]:
    p, ids = full(policy, sequence), torch.tensor(sequence.response)
    q = full(base, sequence).detach()
    target = q.clone()
    target[torch.arange(len(ids)), ids] -= 3.0
    return {
        "reference_kl": (q.exp() * (q - p)).sum(-1),
        str(LOWERED): -(torch.softmax(target, -1) * p).sum(-1),
    }


@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("name", ["llama", next(iter(FALLBACK))])
def test_divergences_over_the_vocabulary_are_those_of_full_logits_with_their_gradients(
    name: str, chunk: int | None
) -> None:
    model, base = tiny_model(name, seed=1), tiny_model(name)
    scorer = CausalScorer(model, chunk_rows=chunk)
    reference = build_reference("initial", CausalScorer(base))
    needs = Needs(reference=True, stats=frozenset({"reference_kl", LOWERED}))
    views = score_batch(scorer, collate(EXAMPLES), reference, needs)
    total = torch.zeros(())
    expected_total = torch.zeros(())
    for view, sequences in VIEWS.items():
        for row, sequence in enumerate(sequences):
            for key, expected in plainly(model, base, sequence).items():
                found = views[view].stat(key)[row, : len(expected)]
                torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
                assert views[view].stat(key)[row, len(expected) :].abs().sum() == 0
                total, expected_total = total + (found**2).sum(), expected_total + (expected**2).sum()
    ours = torch.autograd.grad(total, list(model.parameters()), allow_unused=True)
    plain = torch.autograd.grad(expected_total, list(model.parameters()), allow_unused=True)
    for one, other in zip(ours, plain, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("layer", ["0", "-1", "path"])
@pytest.mark.parametrize("name", ["llama", "gpt2", next(iter(FALLBACK))])
def test_activations_are_those_of_each_sequence_alone(name: str, layer: str) -> None:
    model, base = tiny_model(name, seed=1), tiny_model(name)
    if layer == "path":
        layer = decoder_layers(model)[0][0]
    scorer = CausalScorer(model)
    reference = build_reference("initial", CausalScorer(base))
    views = score_batch(scorer, collate(EXAMPLES), reference, Needs(reference=True, layers=frozenset({layer})))
    for network, of_reference in ((model, False), (base, True)):
        for view, sequences in VIEWS.items():
            found = views[view].activation(layer, of_reference)
            assert found.requires_grad is not of_reference
            for row, sequence in enumerate(sequences):
                ids = torch.tensor([[*sequence.prompt, *sequence.response]])
                with recorded(network, [layer]) as kept, torch.no_grad():
                    network(input_ids=ids, use_cache=False)
                expected = kept[layer].reshape(-1, kept[layer].shape[-1])[len(sequence.prompt) :]
                torch.testing.assert_close(found[row, : len(expected)].detach(), expected, atol=1e-5, rtol=1e-5)


def test_a_loss_on_activations_moves_no_layer_above() -> None:
    model = tiny_model("llama", seed=1)
    scorer = CausalScorer(model)
    views = score_batch(scorer, collate(EXAMPLES), scorer.reference("none"), Needs(layers=frozenset({"0"})))
    views["forget"].activation("0").square().sum().backward()
    (_, first), (_, second) = decoder_layers(model)[:2]
    assert any(each.grad is not None and each.grad.abs().sum() > 0 for each in first.parameters())
    assert all(each.grad is None for each in second.parameters())
    assert not first._forward_hooks, "a hook stays on the model"


def test_the_cache_refuses_distributions_and_activations(tmp_path) -> None:  # type: ignore[no-untyped-def]
    scorer = CausalScorer(tiny_model("llama"))
    reference = build_reference("cached", scorer, tmp_path)
    forest = collate(EXAMPLES).forest
    with pytest.raises(ConfigurationError, match=r"KL over the vocabulary.*reference=initial"):
        reference.score(forest, whole=True)
    with pytest.raises(ConfigurationError, match=r"activations.*reference=initial"):
        reference.score(forest, layers=["0"])


def test_an_unknown_layer_is_an_error_with_the_number_of_layers() -> None:
    model = tiny_model("llama")
    count = len(decoder_layers(model))
    with pytest.raises(ConfigurationError, match=rf"There is no layer 99: .* has {count} layers"):
        find_layer(model, "99")
    with pytest.raises(ConfigurationError, match=r"has no layer 'model\.layer\.0'\. Did you mean"):
        find_layer(model, "model.layer.0")
