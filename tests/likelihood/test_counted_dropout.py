"""Dropout of adapters: the right share, drawn anew by step, layer, token and position, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from families import tiny_model
from penchant.errors import ModelError
from penchant.forest import TokenSequence, build_forest
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.counted_dropout import CountedDropout, Draws, add_counted_dropout, dropping, scrambled


def adapted(rate: float = 0.5, seed: int = 0) -> Any:
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(1)
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False, task_type="CAUSAL_LM")
    model = get_peft_model(tiny_model("llama"), config)
    add_counted_dropout(model, rate, seed)
    return model


SHARED = [TokenSequence([4, 5, 6], [7, 8, 2]), TokenSequence([4, 5, 6], [7, 9, 9, 2]), TokenSequence([5, 4], [3, 2])]


def scores(model: Any, step: int | None, attention: str = "segments", parts: int = 1) -> torch.Tensor:
    scorer = CausalScorer(model, attention)
    found = []
    try:
        for part in range(parts):
            forest = build_forest(SHARED[part::parts])
            with dropping(model, step):
                logps = scorer.score(forest)["logps"].detach()
            found.append(forest.per_response(logps).sum(-1))
    finally:
        scorer.close()
    together = torch.zeros(len(SHARED))
    for part, values in enumerate(found):
        together[part::parts] = values
    return together


def test_whole_split_and_separate_sequences_drop_alike() -> None:
    model = adapted()
    whole = scores(model, 3)
    torch.testing.assert_close(scores(model, 3, parts=3), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(scores(model, 3, "sequences"), whole, atol=1e-5, rtol=0)
    torch.testing.assert_close(scores(model, 3, "dense"), whole, atol=1e-5, rtol=0)
    assert torch.equal(scores(model, 3), whole)


def test_steps_and_seeds_drop_differently_and_measurements_not_at_all() -> None:
    model = adapted()
    whole, plain = scores(model, 3), scores(model, None)
    for other in (scores(model, 4), plain, scores(adapted(seed=1), 3)):
        assert not torch.allclose(other, whole, atol=1e-3)
    with torch.no_grad():
        torch.testing.assert_close(scores(adapted(rate=0.9), None), plain)


def test_the_draws_go_with_the_step() -> None:
    model = adapted()
    with pytest.raises(RuntimeError), dropping(model, 1):
        raise RuntimeError
    assert model.counted_draws.step is None and model.counted_draws.keys is None


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_the_share_is_the_rate_and_the_mean_stays(rate: float) -> None:
    draws = Draws(0)
    draws.step = 0
    draws.begin_pass(nn.Identity(), (), {"input_ids": torch.arange(400)[None] % 50})
    dropped = CountedDropout(rate, "layer", draws)(torch.ones(1, 400, 500))
    assert (dropped == 0).float().mean() == pytest.approx(rate, abs=0.005)
    assert dropped.mean() == pytest.approx(1.0, abs=0.02)
    # Neither tokens nor features are dropped together: their shares spread as those of independent draws do.
    for along, count in ((1, 400), (2, 500)):
        spread = (dropped == 0).float().mean(along).std()
        assert spread == pytest.approx((rate * (1 - rate) / count) ** 0.5, rel=0.2)
    other = CountedDropout(rate, "other layer", draws)(torch.ones(1, 400, 500))
    both = ((dropped == 0) & (other == 0)).float().mean()
    assert both == pytest.approx(rate * rate, abs=0.005)


def test_the_hash_is_that_of_unsigned_arithmetic() -> None:
    def plain(number: int) -> int:
        number ^= number >> 16
        number = number * 0x7FEB352D % 2**32
        number ^= number >> 15
        number = number * 0x846CA68B % 2**32
        number ^= number >> 16
        return number - 2**32 if number >= 2**31 else number

    numbers = [0, 1, 2, 77, 2**31 - 1, -1, -(2**31), -12345]
    assert scrambled(torch.tensor(numbers, dtype=torch.int32)).tolist() == [plain(each % 2**32) for each in numbers]


def test_inputs_that_are_not_the_tokens_are_refused() -> None:
    draws = Draws(0)
    draws.step = 0
    draws.begin_pass(nn.Identity(), (), {"input_ids": torch.arange(6)[None]})
    with pytest.raises(ModelError, match=r"experts.0.*\(4, 8\).*\(1, 6\) tokens.*exclude_modules"):
        CountedDropout(0.1, "experts.0", draws)(torch.ones(4, 8))
