"""References: their log-probabilities are those of the initial model and do not change in training."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from families import FALLBACK, FAMILIES, VOCABULARY, tiny_model
from forest.trees import random_trees
from likelihood.plain import plain_logps
from penchant.errors import ConfigurationError, TrainingError
from penchant.forest import Forest, TokenSequence, build_forest
from penchant.likelihood import CausalScorer, Reference, build_reference
from penchant.likelihood.cache import ReferenceCache
from penchant.likelihood.references import REFERENCES, CachedReference, ReferenceKind

SEQUENCES, OWNERS = random_trees(0, VOCABULARY)


@pytest.fixture
def forest() -> Forest:
    """Three small trees."""
    return build_forest(SEQUENCES, OWNERS)


@pytest.fixture
def scorer() -> Iterator[CausalScorer]:
    """A tiny policy."""
    opened = CausalScorer(tiny_model("llama"))
    yield opened
    opened.close()


def adapted(name: str = "llama", **options: object) -> nn.Module:
    from peft import LoraConfig, get_peft_model

    settings = {"r": 2, "target_modules": ["q_proj", "v_proj"], "init_lora_weights": False, **options}
    return get_peft_model(tiny_model(name), LoraConfig(task_type="CAUSAL_LM", **settings))  # type: ignore[arg-type]


def move_adapter(scorer: CausalScorer, seed: int = 7) -> None:
    """Give every trained weight another value, as training does."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in scorer.model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn(weight.shape, generator=generator) * 0.3)


def logps(reference: Reference, forest: Forest) -> Tensor:
    values, rows, _ = reference.score(forest)
    assert values is not None
    assert rows is None
    assert not values.requires_grad
    return values


def a_step(scorer: CausalScorer, forest: Forest) -> None:
    """One large step of gradient ascent."""
    optimizer = torch.optim.SGD([each for each in scorer.model.parameters() if each.requires_grad], lr=0.5)
    (-scorer.score(forest)["logps"].mean()).backward()
    optimizer.step()
    optimizer.zero_grad()


class Passes:
    """Counts the forward passes of a model, and the tokens in them."""

    def __init__(self, scorer: CausalScorer) -> None:
        self.tokens: list[int] = []
        scorer.core.base_model.register_forward_pre_hook(  # type: ignore[operator, union-attr]
            lambda _module, _given, named: self.tokens.append(named["input_ids"].numel()), with_kwargs=True
        )


@pytest.mark.parametrize("name", [*FAMILIES, *FALLBACK])
def test_at_the_start_the_margin_is_exactly_zero(name: str, forest: Forest) -> None:
    scorer = CausalScorer(tiny_model(name))
    reference = build_reference("initial", scorer)
    assert torch.equal(scorer.score(forest)["logps"].detach(), logps(reference, forest))


def test_with_a_fresh_adapter_the_margin_is_exactly_zero(forest: Forest) -> None:
    scorer = CausalScorer(adapted(init_lora_weights=True, lora_dropout=0.5))
    scorer.model.train()
    reference = build_reference("initial", scorer)
    assert torch.equal(scorer.score(forest)["logps"].detach(), logps(reference, forest))


def test_the_initial_copy_stays_as_it_was(scorer: CausalScorer, forest: Forest) -> None:
    scorer.model.train()
    reference = build_reference("initial", scorer)
    before = logps(reference, forest)
    a_step(scorer, forest)
    assert torch.equal(logps(reference, forest), before)
    assert (scorer.score(forest)["logps"] - before).abs().max() > 0.1
    frozen = reference.scorer.model  # type: ignore[attr-defined]
    assert not any(each.requires_grad for each in frozen.parameters())
    assert not frozen.training
    assert scorer.model.training
    reference.close()


def test_with_an_adapter_the_reference_is_the_model_beneath_it(forest: Forest) -> None:
    base = torch.cat([plain_logps(tiny_model("llama"), each) for each in SEQUENCES]).detach()
    scorer = CausalScorer(adapted(init_lora_weights=True))
    reference = build_reference("initial", scorer)
    for _round in range(2):
        move_adapter(scorer)
        policy = scorer.score(forest)["logps"].detach()
        spread = forest.per_response(logps(reference, forest))[forest.mask]
        torch.testing.assert_close(spread, base, atol=1e-5, rtol=0)
        # The adapter is on again, and still trained.
        assert torch.equal(scorer.score(forest)["logps"].detach(), policy)
        assert (policy - logps(reference, forest)).abs().max() > 0.01
        a_step(scorer, forest)


@pytest.mark.parametrize("options", [{}, {"target_modules": ["q_proj", "lm_head"]}, {"modules_to_save": ["lm_head"]}])
@pytest.mark.parametrize("chunk", [None, 3])
def test_the_whole_distribution_is_that_of_the_model_beneath(
    options: dict[str, object], chunk: int | None, forest: Forest
) -> None:
    base = CausalScorer(tiny_model("llama"))
    scorer = CausalScorer(adapted(init_lora_weights=True, **options), chunk_rows=chunk)
    reference = build_reference("initial", scorer)
    move_adapter(scorer)
    (hidden, _), (below, _) = scorer.rows(forest), base.rows(forest)
    p, q = (torch.softmax(each.head(each.hidden).detach(), dim=-1) for each in (hidden, below))
    rows = reference.score(forest, whole=True).rows
    result = scorer.score(forest, ["kl"], rows)
    values = result["reference_logps"]
    torch.testing.assert_close(values, base.score(forest)["logps"].detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(result["kl"].detach(), (p * (p / q).log()).sum(-1), atol=1e-5, rtol=1e-5)
    assert (p - q).abs().max() > 0.01
    result["kl"].sum().backward()
    assert all(each.grad is not None for each in scorer.model.parameters() if each.requires_grad)


def test_no_reference_has_no_numbers(scorer: CausalScorer, forest: Forest) -> None:
    reference = build_reference("none", scorer)
    reference.prepare(SEQUENCES)
    with pytest.raises(ConfigurationError, match=r"needs a reference.*reference=initial"):
        reference.score(forest)
    reference.close()


def test_an_unknown_reference_is_named_with_the_nearest(scorer: CausalScorer) -> None:
    with pytest.raises(ConfigurationError, match=r"There is no reference 'cache'\. Did you mean 'cached'"):
        build_reference("cache", scorer)
    assert set(REFERENCES) == set(get_args(ReferenceKind)), "a recipe names what can be built"


@pytest.mark.parametrize("wrapped", [False, True])
def test_cached_numbers_are_those_of_the_initial_model(wrapped: bool, forest: Forest, tmp_path: Path) -> None:
    scorer = CausalScorer(adapted() if wrapped else tiny_model("llama"))
    initial = logps(build_reference("initial", scorer), forest)
    reference = CachedReference(scorer, tmp_path, tokens=12)
    reference.prepare(SEQUENCES)
    a_step(scorer, forest)
    torch.testing.assert_close(logps(reference, forest), initial, atol=1e-5, rtol=0)
    reference.close()


def test_a_fresh_adapter_shares_the_cache_of_the_model_beneath(tmp_path: Path) -> None:
    fresh = [adapted(init_lora_weights=True, **options) for options in ({}, {"r": 3}, {"modules_to_save": ["lm_head"]})]
    models = [tiny_model("llama"), *fresh, adapted(), adapted(lora_alpha=5)]
    plain, *adapters, trained, scaled = (CachedReference(CausalScorer(each), tmp_path).cache.path for each in models)
    assert {*adapters} == {plain}, "an adapter that is not trained yet changes nothing"
    assert len({plain, trained, scaled}) == 3, "one that is trained is a start of its own"


def test_only_what_is_missing_is_computed(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    first = CachedReference(CausalScorer(tiny_model("llama")), tmp_path, tokens=16)
    passes = Passes(first.scorer)
    distinct = {ReferenceCache.key(each) for each in SEQUENCES}
    first.prepare(SEQUENCES[:3])
    assert sum(passes.tokens) == build_forest(SEQUENCES[:3]).tokens
    passes.tokens.clear()
    first.prepare(SEQUENCES, lambda done, wanted: told.append((done, wanted)))
    assert told[-1] == (len(distinct) - 3, len(distinct) - 3)
    assert told == sorted(told)
    assert len(told) > 1
    first.close()

    second = CachedReference(CausalScorer(tiny_model("llama")), tmp_path)
    passes = Passes(second.scorer)
    second.prepare(SEQUENCES, lambda *_: pytest.fail("something was computed again"))
    # Four values are computed afresh, to be compared with those kept.
    assert len(passes.tokens) == 1
    assert passes.tokens[0] <= sum(len(each.prompt) + len(each.response) for each in SEQUENCES[:4])
    second.close()


def test_responses_to_one_prompt_are_filled_in_one_pass(scorer: CausalScorer, tmp_path: Path) -> None:
    prompt = list(range(5, 25))
    sequences = [TokenSequence(prompt, [token, 2]) for token in range(30, 50)]
    reference = CachedReference(scorer, tmp_path, tokens=8)
    passes = Passes(scorer)
    reference.prepare([*sequences, TokenSequence([9], [9])])
    assert sorted(passes.tokens) == [2, len(prompt) + 2 * len(sequences)]


def test_a_changed_weight_is_another_model(tmp_path: Path) -> None:
    model = tiny_model("llama")
    paths = []
    for _round in range(2):
        scorer = CausalScorer(model)
        paths.append(CachedReference(scorer, tmp_path).cache.path)
        scorer.close()
        with torch.no_grad():
            model.model.layers[1].mlp.down_proj.weight[3, 5] += 1e-3
    assert paths[0] != paths[1]


def test_a_value_that_was_not_computed_is_an_error(scorer: CausalScorer, forest: Forest, tmp_path: Path) -> None:
    reference = CachedReference(scorer, tmp_path)
    reference.prepare(SEQUENCES[:-1])
    with pytest.raises(TrainingError, match=r"no reference log-probabilities.*reference.prepare"):
        reference.score(forest)


@pytest.mark.parametrize("damage", ["wrong", "not a number", "short"])
def test_a_corrupted_value_is_found_before_it_is_used(scorer: CausalScorer, tmp_path: Path, damage: str) -> None:
    reference = CachedReference(scorer, tmp_path)
    reference.prepare(SEQUENCES)
    (kept,) = reference.cache.get([SEQUENCES[2]])
    assert kept is not None
    spoiled = {"wrong": kept + 0.01 * kept.abs().max(), "not a number": kept * torch.nan, "short": kept[:-1]}[damage]
    key, value = ReferenceCache.key(SEQUENCES[2]), spoiled.numpy().tobytes()
    reference.cache.connection.execute(
        "UPDATE hashed_logps SET value = ?, digest = ? WHERE key = ?", (value, reference.cache.digest(key, value), key)
    )
    with pytest.raises(TrainingError) as caught:
        reference.prepare(SEQUENCES)
    assert str(reference.cache.path) in str(caught.value)
    assert "Delete this file" in str(caught.value)


def test_the_cache_cannot_give_a_whole_distribution(scorer: CausalScorer, forest: Forest, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="reference=initial"):
        CachedReference(scorer, tmp_path).score(forest, whole=True)


def test_the_cache_lives_where_the_user_says(
    scorer: CausalScorer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "mine"))
    reference = build_reference("cached", scorer)
    assert reference.cache.path.parent == tmp_path / "mine"  # type: ignore[attr-defined]
    named = build_reference("cached", scorer, tmp_path / "named")
    assert named.cache.path.parent == tmp_path / "named"  # type: ignore[attr-defined]


def test_a_policy_can_be_copied_and_scored_after_its_reference_is_gone(scorer: CausalScorer, forest: Forest) -> None:
    before = scorer.score(forest)["logps"].detach()
    build_reference("initial", scorer).close()
    assert torch.equal(scorer.score(forest)["logps"].detach(), before)
    scorer.close()
    twin = CausalScorer(copy.deepcopy(scorer.model))
    assert torch.equal(twin.score(forest)["logps"].detach(), before)
    scorer.open()


def test_values_computed_in_less_than_float32_are_kept_apart(scorer: CausalScorer, tmp_path: Path) -> None:
    exact, lowered = CachedReference(scorer, tmp_path), CachedReference(scorer, tmp_path, "bfloat16")
    assert exact.cache.path != lowered.cache.path
    lowered.prepare(SEQUENCES)
    assert not any(exact.cache.has(SEQUENCES))
    forest = build_forest(SEQUENCES, OWNERS)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        fresh = scorer.score(forest)["logps"]
    assert torch.allclose(logps(lowered, forest), fresh, atol=0.1)
    again = CachedReference(scorer, tmp_path, "bfloat16")
    again.prepare(SEQUENCES)  # the recheck allows for bfloat16
    for reference in (exact, lowered, again):
        reference.close()
