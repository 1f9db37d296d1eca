"""Sums and counts, and the numbers of a batch against numbers computed plainly."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from families import tiny_model
from penchant.evaluation.heldout import measure
from penchant.evaluation.metrics import Tally, win
from penchant.feedback import read
from penchant.forest.encoding import Encoder
from penchant.forest.example import Example
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.references import build_reference
from penchant.objectives import DOVE, DPO, MAPL
from penchant.rendering import Renderer
from small_runs import pairs, word_tokenizer

NUMBERS = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


@given(NUMBERS, st.integers(0, 12))
@settings(max_examples=50, deadline=None)
def test_a_mean_does_not_depend_on_how_it_was_collected(values: list[float], cut: int) -> None:
    whole, parted, other = Tally(), Tally(), Tally()
    whole.add("x", torch.tensor(values, dtype=torch.double))
    for tally, part in ((parted, values[:cut]), (other, values[cut:])):
        tally.add("x", torch.tensor(part, dtype=torch.double))
    expected = sum(values) / len(values)
    assert whole.means()["x"] == pytest.approx(expected, abs=1e-9)

    def over_processes(table: torch.Tensor) -> torch.Tensor:
        return table + torch.stack([other._pairs["x"]])

    assert parted.means(over_processes)["x"] == pytest.approx(expected, abs=1e-9)


def test_what_does_not_count_cannot_spread() -> None:
    tally = Tally()
    tally.add("x", torch.tensor([1.0, torch.nan, 5.0]), torch.tensor([1.0, 0.0, 3.0]))
    tally.add_ratio("share", 3, 4)
    tally.add("nothing", torch.tensor([2.0]), torch.tensor([0.0]))
    assert tally.means() == {"share": 0.75, "x": 4.0}
    tally.clear()
    assert tally.means() == {}


def test_a_tie_counts_half() -> None:
    assert win(torch.tensor([1.0, -1.0, 0.0, -1e-6])).tolist() == [1.0, 0.0, 0.5, 0.5]


def plain_logps(model: Any, example: Example, view: str) -> torch.Tensor:
    (sequence,) = example.views[view]
    ids = torch.tensor([[*sequence.prompt, *sequence.response]])
    with torch.no_grad():
        table = model(ids).logits.double().log_softmax(-1)[0, len(sequence.prompt) - 1 : -1]
    return table.gather(1, torch.tensor(list(sequence.response))[:, None])[:, 0]


@pytest.mark.parametrize("tokens_per_batch", [1, 60, 8192])
def test_held_out_numbers_are_the_plain_ones(tokens_per_batch: int) -> None:
    weights = [1.0, 2.0, 0.5, 1.0, 3.0, 1.0]
    data = Encoder(Renderer(word_tokenizer()), ["chosen", "rejected"]).encode(read(pairs(6, weight=weights)).records)
    start, now = tiny_model("llama", seed=1), tiny_model("llama", seed=2)
    scorer = CausalScorer(start)
    reference = build_reference("initial", scorer)
    start.load_state_dict(now.state_dict())
    result = measure(scorer, reference, DPO(beta=0.3), data.examples, tokens_per_batch=tokens_per_batch)
    scorer.close()
    former = tiny_model("llama", seed=1)
    logps = {view: [plain_logps(now, each, view) for each in data.examples] for view in ("chosen", "rejected")}
    before = {view: [plain_logps(former, each, view) for each in data.examples] for view in ("chosen", "rejected")}
    ratios = {view: [(a - b) for a, b in zip(logps[view], before[view], strict=True)] for view in logps}
    rewards = {view: torch.stack([0.3 * each.sum() for each in ratios[view]]) for view in ratios}
    margin = rewards["chosen"] - rewards["rejected"]
    share = torch.tensor(weights).double()
    expected = {
        "loss": float((-torch.nn.functional.logsigmoid(margin) * share).sum() / share.sum()),
        "logps/chosen": float(torch.stack([each.sum() for each in logps["chosen"]]).mean()),
        "logps/rejected": float(torch.stack([each.sum() for each in logps["rejected"]]).mean()),
        "lengths/chosen": sum(len(each) for each in logps["chosen"]) / 6,
        "rewards/chosen": float(rewards["chosen"].mean()),
        "rewards/margin": float(margin.mean()),
        "rewards/accuracy": float((margin > 0).double().mean()),
        "rewards/ties": 0.0,
        "kl": float(torch.stack([0.5 * (e**2).sum() for view in ratios for e in ratios[view]]).mean()),
    }
    for name, value in expected.items():
        assert result.metrics[name] == pytest.approx(value, abs=1e-4), name
    gaps = [a.mean() - b.mean() for a, b in zip(logps["chosen"], logps["rejected"], strict=True)]
    assert result.logp_margin == pytest.approx([float(gap) for gap in gaps], abs=1e-4)
    assert result.metrics["logps/accuracy"] == pytest.approx(sum(gap > 0 for gap in gaps) / 6)
    assert result.rewards["chosen"] == pytest.approx(rewards["chosen"].tolist(), abs=1e-4)


def test_records_without_an_optional_view_name_the_same_quantities() -> None:
    objective = MAPL()
    wanted = objective.requirements
    encoder = Encoder(Renderer(word_tokenizer()), wanted.views, optional=wanted.optional)
    scorer, base = CausalScorer(tiny_model("llama")), CausalScorer(tiny_model("llama", seed=1))
    tables: list[int] = []
    for more in ({}, {"extended_prompt": "which old hat"}):
        data = encoder.encode(read([{**row, **more} for row in pairs(2)]).records).examples

        def count(table: torch.Tensor) -> torch.Tensor:
            tables.append(len(table))
            return table

        found = measure(scorer, build_reference("initial", base), objective, data, reduce=count).metrics
        assert ("logps/chosen_extended" in found) is bool(more) and "logps/chosen_matching" not in found
    scorer.close()
    assert tables[0] == tables[1]


def test_pairs_whose_prompts_are_scored_too_have_margins_and_accuracies() -> None:
    rows = [{**row, "rejected_prompt": "which hat"} for row in pairs(4)]
    objective = DOVE(beta=0.3)
    data = Encoder(Renderer(word_tokenizer()), objective.requirements.views).encode(read(rows).records)
    scorer, reference = (
        CausalScorer(tiny_model("llama")),
        build_reference("initial", CausalScorer(tiny_model("llama", seed=1))),
    )
    result = measure(scorer, reference, objective, data.examples)
    scorer.close()
    better, worse = (torch.tensor(result.rewards[f"{side}_joint"]) for side in ("chosen", "rejected"))
    assert result.metrics["rewards/margin"] == pytest.approx(float((better - worse).mean()), abs=1e-5)
    assert result.metrics["rewards/accuracy"] == float((better > worse).float().mean())
    assert len(result.logp_margin) == 4


def test_processes_share_the_measuring_even_where_there_are_more_than_batches() -> None:
    data = Encoder(Renderer(word_tokenizer()), ["chosen", "rejected"]).encode(read(pairs(5)).records).examples
    scorer = CausalScorer(tiny_model("llama"))
    reference = build_reference("initial", scorer)
    whole = measure(scorer, reference, DPO(), data).metrics
    tables: list[torch.Tensor] = []

    def keep(table: torch.Tensor) -> torch.Tensor:
        tables.append(table)
        return table

    for process in range(3):
        measure(scorer, reference, DPO(), data, process=process, processes=3, reduce=keep)
    scorer.close()
    assert len({table.shape for table in tables}) == 1 and len(tables) == 3
    total = sum(tables)
    names = sorted([*whole, "example_loss"])
    assert {name: float(a / b) for name, (a, b) in zip(names, total, strict=True) if name in whole} == pytest.approx(
        whole, abs=1e-6
    )
