"""Online runs with adapters: references that move are second adapters on the one model."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from online.test_samples import rollouts
from penchant.forest import TokenSequence, build_forest
from penchant.forest.layout import Forest
from penchant.likelihood.adapters import merge
from penchant.likelihood.causal import CausalScorer
from penchant.likelihood.references import ReferenceScores
from penchant.likelihood.references.second_adapter import SecondAdapter
from penchant.online import parts
from penchant.online.reference import UpdatedReference
from penchant.online.reference_updates import build_reference_update
from penchant.training.run import Result
from small_runs import largest_gap, losses, stopped_after, weights

Run = Callable[..., Result]

LORA: dict[str, Any] = {"lora": {"rank": 2}, "learning_rate": 0.02, "iterations": 2, "prompts_per_iteration": 4}
LORA |= {"eval_limit": 2}
#: Objectives and references that ask for checkpoints of the run, by what they are called here.
REFERENCES: dict[str, dict[str, Any]] = {
    "nesterov": {"reference": "nesterov", "reference_rate": 0.5},
    "extrapolated": {"reference": "extrapolated", "reference_rate": 0.5},
    "two references": {"method": "inpo", "pairing": "best_worst", "objective.eta": 1.0, "epochs": 1},
}


class Merged(SecondAdapter):
    """Whole weights: the adapter is merged into a copy of the model before each score."""

    def score(self, laid: Forest, whole: bool = False, layers: Sequence[str] = ()) -> ReferenceScores:
        merged = merge(copy.deepcopy(self.frozen)).eval()
        return ReferenceScores(CausalScorer(merged, self.scorer.attention).score(laid)["logps"].detach())


def test_an_adapter_is_trained_online(online: Run, folder: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    model.save_pretrained(tmp_path / "adapter")
    run = online(model=str(tmp_path / "adapter"), iterations=2, method="grpo")
    saved = AutoModelForCausalLM.from_pretrained(run.folder / "model")
    start = model.merge_and_unload().state_dict()
    moved = {name: (value - start[name]).abs().max().item() for name, value in saved.state_dict().items()}
    assert {name for name, change in moved.items() if change > 1e-5} == {
        f"model.layers.{layer}.self_attn.{name}_proj.weight" for layer in (0, 1) for name in "qv"
    }
    assert moved["model.embed_tokens.weight"] == pytest.approx(0.0)


@pytest.mark.parametrize("name", ["extrapolated", "two references"])
def test_a_second_adapter_is_a_second_model(name: str, online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {**LORA, **REFERENCES[name]}
    mine = online(**keys)
    monkeypatch.setattr(parts, "SecondAdapter", Merged)
    merged = online("merged", **keys)
    assert losses(mine.folder) == pytest.approx(losses(merged.folder), rel=1e-5, abs=1e-5)
    assert largest_gap(weights(mine.folder), weights(merged.folder)) < 1e-5


def test_a_second_adapter_follows(folder: Path) -> None:
    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    policy = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    scorer = CausalScorer(policy)
    update = build_reference_update("previous", 0.1)
    reference = UpdatedReference(SecondAdapter(scorer), update, lambda: SecondAdapter(scorer), {"initial"})
    laid = build_forest([TokenSequence([4, 5, 6], [7, 8, 2]), TokenSequence([4, 5, 6], [7, 9, 2])])
    before = scorer.score(laid)["logps"].detach()
    for round_ in range(2):
        for number, weight in enumerate(each for each in policy.parameters() if each.requires_grad):
            weight.data += 0.3 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(9 * round_ + number))
        moved = scorer.score(laid)["logps"].detach()
        assert (reference.score(laid).logps - moved).abs().max() > 1e-2, "until the round ends"
        reference.advance(policy)
        merged = CausalScorer(merge(copy.deepcopy(reference.frozen))).score(laid)["logps"]
        torch.testing.assert_close(reference.score(laid).logps, moved, atol=0, rtol=0)
        torch.testing.assert_close(merged.detach(), moved, atol=1e-5, rtol=0)
        torch.testing.assert_close(reference.checkpoint("initial").score(laid).logps, before, atol=1e-6, rtol=0)


def test_the_reference_is_an_adapter_and_not_a_model(
    online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Any] = []
    weights_of: list[tuple[bool, int, int]] = []
    load = parts.load

    def kept(*given: Any) -> Any:
        loaded.append(load(*given))
        own = loaded[0].policy.parameters()  # of now: the end of the run merges the adapter
        weights_of.extend((each.requires_grad, each.data_ptr(), each.numel()) for each in own)
        return loaded[0]

    monkeypatch.setattr("penchant.online.loop.load", kept)
    online(**{**LORA, "reference": "extrapolated", "iterations": 1})
    reference, policy = loaded[0].reference, loaded[0].policy
    known = {place for learns, place, _ in weights_of if not learns}
    trained = sum(size for learns, _, size in weights_of if learns)
    assert trained > 0
    for each in (reference.frozen, reference.behind.frozen):
        assert each is not policy
        assert sum(own.numel() for own in each.parameters() if own.data_ptr() not in known) == trained
    [state] = (tmp_path / "run" / "states").glob("*.pt")
    whole = sum(weight.numel() * weight.element_size() for weight in policy.parameters())
    with zipfile.ZipFile(state) as parts_of_it:
        tensors = sum(each.file_size for each in parts_of_it.infolist() if "/data/" in each.filename)
    assert tensors < 2 * whole, "what the models share is saved once"


@pytest.mark.parametrize("name", ["nesterov"])
def test_a_stopped_run_goes_on_exactly(name: str, online: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {**LORA, **REFERENCES[name], "save_rounds": 1, "batch_size": 2}
    whole = online(**keys)
    stopped_after(3, lambda: online("parted", **keys), monkeypatch)
    parted = online("parted", **keys, resume=True)
    assert losses(parted.folder) == losses(whole.folder)
    assert largest_gap(weights(parted.folder), weights(whole.folder)) == 0
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), parted.folder / "adapter")
    assert largest_gap(dict(merge(adapted).named_parameters()), weights(parted.folder)) < 1e-6


def test_a_checkpoint_answers_beside_an_adapter(online: Run) -> None:
    run = online(**LORA, opponent={"name": "checkpoint", "checkpoint": "before"})
    assert {"checkpoint"} < {who for each in rollouts(run, 2) for who in each["drawn_by"]}
