"""Context inside responses: likelihood, gradients, references and caches are those of the learned tokens alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from families import VOCABULARY, tiny_model
from forest.trees import masked, random_trees
from likelihood.plain import plain_logps
from penchant.diagnostics.gradients import pair_entanglement, token_cosines
from penchant.feedback.records import Source
from penchant.forest import Example, TokenSequence, build_forest, collate
from penchant.likelihood import CausalScorer, build_reference
from penchant.likelihood.cache import ReferenceCache
from penchant.likelihood.logps import response_logps
from penchant.objectives import Needs, Scored, build

SEQUENCES, OWNERS = random_trees(3, VOCABULARY)
LEARNED = masked(SEQUENCES)
# Two pairs and a pair of one text, in which each side learns what the other one does not.
SAME = SEQUENCES[0].response
TWINS = [
    TokenSequence(SEQUENCES[0].prompt, SAME, tuple(place % 2 == side for place in range(len(SAME)))) for side in (0, 1)
]


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    found = {name: each.grad.clone() for name, each in model.named_parameters() if each.grad is not None}
    model.zero_grad()
    return found


@pytest.mark.parametrize("name", ["llama", "gemma3", "mistral-sliding", "mamba"])
@pytest.mark.parametrize("attention", [None, "dense", "sequences"])
def test_numbers_and_gradients_equal_plain_evaluation(name: str, attention: str | None) -> None:
    model = tiny_model(name)
    if name == "mamba" and attention == "dense":
        pytest.skip("a state-space model has no dense attention")
    sequences, owners = [*LEARNED, *TWINS], [*OWNERS, 0, 0]
    weights = torch.randn(sum(each.length for each in sequences), generator=torch.Generator().manual_seed(0))
    expected = torch.cat([plain_logps(model, each) for each in sequences])
    (expected * weights).sum().backward()
    plain = gradients(model)
    scorer = CausalScorer(model, attention)
    forest = build_forest(sequences, owners)
    result = forest.per_response(scorer.score(forest)["logps"])[forest.mask]
    (result * weights).sum().backward()
    ours = gradients(model)
    scorer.close()
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)
    largest = max(float(each.abs().max()) for each in plain.values())
    for each, value in plain.items():
        assert float((ours[each] - value).abs().max()) <= 1e-4 * largest, each


def pairs() -> list[Example]:
    """Four pairs whose responses hold context, one of them of twins."""
    sides = [*zip(LEARNED[:3], LEARNED[2:5], strict=True), (TWINS[0], TWINS[1])]
    return [Example({"chosen": [one], "rejected": [other]}, {}, 1.0, Source()) for one, other in sides]


@pytest.mark.parametrize("objective", ["dpo", "simpo", "ipo", "wpo"])
def test_whole_is_split_is_alone_is_without_sharing(objective: str, tmp_path: Path) -> None:
    model = tiny_model("llama")
    loss = build(objective)
    needs = loss.requirements.needs
    scorer = CausalScorer(model)
    reference = build_reference("initial", scorer)
    with torch.no_grad():
        for each in model.parameters():
            each.add_(0.01 * torch.randn(each.shape, generator=torch.Generator().manual_seed(each.numel())))

    def run(parts: list[list[Example]], share: bool = True) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        losses = []
        for part in parts:
            batch = collate(part, share=share)
            values = loss(**scorer.score_batch(batch, reference, needs)).values
            values.sum().backward()
            losses.append(values.detach())
        return torch.cat(losses), gradients(model)

    examples = pairs()
    whole, expected = run([examples])
    assert whole.abs().min() > 0
    for parts, share in (
        ([examples[:1], examples[1:]], True),
        ([[each] for each in examples], True),
        ([examples], False),
    ):
        values, found = run(parts, share)
        torch.testing.assert_close(values, whole, atol=2e-6, rtol=1e-5)
        largest = max(float(each.abs().max()) for each in expected.values())
        assert all(float((found[name] - each).abs().max()) <= 1e-5 * largest for name, each in expected.items())
    scorer.close()


def test_lengths_means_and_kl_count_learned_tokens() -> None:
    model = tiny_model("llama")
    scorer = CausalScorer(model)
    batch = collate(pairs())
    scored: dict[str, Scored] = scorer.score_batch(
        batch, build_reference("initial", scorer), Needs(reference=True, stats=("entropy",))
    )
    for name in ("chosen", "rejected"):
        sequences = [example.views[name][0] for example in pairs()]
        assert scored[name].length.tolist() == [each.length for each in sequences]
        plain = torch.stack([plain_logps(model, each).sum() for each in sequences])
        torch.testing.assert_close(scored[name].logp, plain, atol=1e-4, rtol=1e-5)
        assert scored[name].stats["entropy"].shape == scored[name].policy.shape
    scorer.close()


def test_the_cache_tells_masks_apart(tmp_path: Path) -> None:
    sequences = [*LEARNED, *TWINS, SEQUENCES[0]]
    assert len({ReferenceCache.key(each) for each in (*TWINS, SEQUENCES[0])}) == 3
    assert ReferenceCache.key(TokenSequence([1], [2])) == ReferenceCache.key(TokenSequence([1], [2], None))
    scorer = CausalScorer(tiny_model("llama"))
    reference = build_reference("cached", scorer, tmp_path)
    reference.prepare(sequences)
    forest = build_forest(sequences, [*OWNERS, 0, 0, 0])
    held = forest.per_response(reference.score(forest).logps)
    fresh = response_logps(scorer, sequences)
    for row, own in zip(held, fresh, strict=True):
        torch.testing.assert_close(row[: len(own)], own, atol=1e-5, rtol=0)
    reference.close()
    again = build_reference("cached", scorer, tmp_path)
    again.prepare(sequences)  # a few are computed again and compared
    assert again.facts()["reference_computed"] == 0
    scorer.close()


def test_gradient_diagnostics_read_learned_tokens() -> None:
    model = tiny_model("llama")
    assert token_cosines(model, (TWINS[0], TWINS[1])).shape == (TWINS[0].length, TWINS[1].length)
    whole = pair_entanglement(model, [(SEQUENCES[0], SEQUENCES[1])]).summary()
    masked_pair = pair_entanglement(model, [(TWINS[0], SEQUENCES[1])]).summary()
    assert whole != masked_pair
