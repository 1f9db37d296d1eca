"""Every kind of adapter trains with DPO against the base; what is saved loads in plain PEFT and scores the same."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from likelihood.kinds_here import FIELDS
from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.likelihood.adapters import adapter_config_of, add_adapter
from penchant.likelihood.adapting.kinds import (
    ELSEWHERE,
    NEVER_MERGED,
    VIRTUAL,
    adapter_kinds,
    kind_table,
    table_lines,
)
from penchant.likelihood.context import length_limit
from penchant.likelihood.loading import load_model
from penchant.likelihood.start import StartingState
from penchant.modalities.adapter_choice import adapter_settings, with_adapter
from penchant.training import Result, make_recipe
from penchant.training.settings.adapter import LoRA
from small_runs import losses, pairs, stopped_after

Train = Callable[..., Result]
KINDS = sorted(adapter_kinds())
ADAPTER = "adapter/adapter_model.safetensors"
#: Kinds that resume in every run of the tests.
SHORT = {"ia3", "oft", "vera", "ln_tuning", "lily"}
#: A Llama on which every kind has PEFT's defaults.
SHAPE: dict[str, Any] = {
    "vocab_size": 1024,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
TOKENS = torch.tensor([[5, 6, 7, 8, 9, 10]])


def logits(model: Any) -> torch.Tensor:
    """Those of the tokens; plain PEFT gives those of virtual tokens too."""
    with torch.no_grad():
        found: torch.Tensor = model.eval()(TOKENS).logits
    return found[:, -TOKENS.shape[1] :]


@pytest.mark.parametrize(
    ("kind", "said"), [("beft", ["base layer has no bias"]), ("boft", ["butterfly"]), ("lora", [])]
)
def test_a_remark_of_peft_is_passed_on_once(kind: str, said: list[str], caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        add_adapter(LlamaForCausalLM(LlamaConfig(**SHAPE)), adapter_config_of(kind, {}))
    found = [record.message for record in caplog.records if record.name == "penchant"]
    assert len(found) == len(said) and all(part in text for part, text in zip(said, found, strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains_and_what_is_saved_loads(kind: str, train: Train, folder: Path) -> None:
    from peft import AutoPeftModelForCausalLM, PeftModel

    base = AutoModelForCausalLM.from_pretrained(folder)
    before = logits(base)
    run = train(
        kind, objective="dpo", data=pairs()[:8], lora={"kind": kind, **FIELDS.get(kind, {})}, max_steps=2,
        learning_rate=0.1,
    )  # fmt: skip
    assert run.summary["trained_share"] == run.summary["trained_parameters"] / run.summary["parameters"] < 1
    loaded = PeftModel.from_pretrained(base, run.folder / "adapter")
    after = logits(loaded)
    assert str(loaded.peft_config["default"].peft_type.value).lower() == kind
    assert (after - before).abs().max() > 1e-5
    with loaded.disable_adapter():
        torch.testing.assert_close(logits(loaded), before, atol=1e-5, rtol=1e-5)
    written = (run.folder / "model" / "adapter_config.json").exists()
    assert written == (kind in NEVER_MERGED | VIRTUAL)
    # transformers alone puts adapters into layers, and these stand before or around them.
    plain = AutoModelForCausalLM if kind not in {"adaption_prompt", *VIRTUAL} else AutoPeftModelForCausalLM
    for load in (plain.from_pretrained, load_model):
        torch.testing.assert_close(logits(load(run.folder / "model")), after, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reference_is_the_start(kind: str, folder: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(folder)
    before = logits(base)
    model: Any = with_adapter(base, LoRA(kind=kind, **FIELDS.get(kind, {})), None)
    start = StartingState(model)
    # LoRA and every kind that starts as the base are switched off; the others keep a copy of where they start.
    assert start.switched_off == (kind not in ELSEWHERE)
    if start.switched_off:
        torch.testing.assert_close(logits(model), before, atol=1e-5, rtol=1e-5)
    else:
        before = logits(model)
    assert bool(start.kept) != start.switched_off
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn_like(weight) * 0.1)
    with start():
        assert torch.equal(logits(model), before)
    assert not torch.equal(logits(model), before)


def test_an_adapter_that_starts_at_random_is_its_own_reference(folder: Path) -> None:
    base = AutoModelForCausalLM.from_pretrained(folder)
    before = logits(base)
    model: Any = with_adapter(base, LoRA(kind="hira", init_weights=False), None)
    start = StartingState(model)
    assert not start.switched_off
    assert not torch.equal(logits(model), before)


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[] if kind in SHORT else pytest.mark.long) for kind in KINDS]
)
def test_it_goes_on_exactly(kind: str, train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe: dict[str, Any] = {
        "objective": "dpo",
        "data": pairs()[:8],
        "lora": {"kind": kind, **FIELDS.get(kind, {})},
        "max_steps": 3,
        "save_every": 1,
        "keep_checkpoints": 3,
    }
    whole = train("whole", **recipe)
    stopped_after(2, partial(train, "stopped", **recipe), monkeypatch)
    again = train("stopped", **recipe, resume=True)
    assert losses(again.folder) == losses(whole.folder)
    first, second = load_file(whole.folder / ADAPTER), load_file(again.folder / ADAPTER)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_table_counts_what_trains(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    rows = {row["kind"]: row for row in kind_table(model, FIELDS)}
    assert sorted(rows) == KINDS
    size = sum(each.numel() for each in model.parameters())
    config = model.config
    layers, wide, middle = config.num_hidden_layers, config.hidden_size, config.intermediate_size
    key = model.model.layers[0].self_attn.k_proj.weight.shape[0]
    query = model.model.layers[0].self_attn.q_proj.weight.shape[0]
    assert rows["ia3"]["parameters"] == layers * (2 * key + middle)
    assert rows["ia3"]["share"] == pytest.approx(rows["ia3"]["parameters"] / (size + rows["ia3"]["parameters"]))
    assert rows["lora"]["parameters"] == layers * 8 * (2 * wide + query + key)
    assert rows["ia3"]["layers"] == ["down_proj", "k_proj", "v_proj"]


def test_the_guide_has_the_table_as_it_is_measured() -> None:
    torch.manual_seed(0)
    rows = kind_table(LlamaForCausalLM(LlamaConfig(**SHAPE)))
    guide = (Path(__file__).parents[3] / "docs" / "weights.md").read_text("utf-8")
    assert "\n".join(table_lines(rows)) in guide


def test_the_command_prints_the_table_and_why_a_kind_does_not_fit(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["weights", "kinds", str(folder)]) == 0
    lines = {line.split(" | ")[0].strip("| `"): line for line in capsys.readouterr().out.splitlines()}
    assert set(KINDS) <= set(lines)
    assert "down_proj, k_proj, v_proj" in lines["ia3"]
    assert "does not fit" in lines["c3a"]


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        ({"kind": "ia4"}, "Did you mean 'ia3'"),
        ({"kind": "multitask_prompt_tuning"}, "name its task"),
        ({"kind": "prefix_tuning", "num_virtual_tokens": 0}, "num_virtual_tokens is 0, expected"),
        ({"kind": "prompt_tuning", "num_virtual_tokens": "x"}, "num_virtual_tokens is 'x', expected"),
        ({"kind": "adalora"}, "schedule"),
        ({"kind": "ia3", "feedforward_module": ["x"]}, "Did you mean 'feedforward_modules'"),
        ({"kind": "loha", "module_dropout": 0.1}, "only LoRA is trained with dropout"),
        ({"kind": "lora", "fields": {"r": 4}}, "another kind"),
    ],
)
def test_wrong_kinds_and_fields_are_refused(lora: dict[str, Any], message: str, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        make_recipe({"model": str(folder), "data": "x.jsonl", "objective": "dpo", "lora": lora})


def test_virtual_tokens_take_positions_of_the_model(train: Train, folder: Path) -> None:
    positions = int(AutoModelForCausalLM.from_pretrained(folder).config.max_position_embeddings)
    recipe: dict[str, Any] = {"objective": "dpo", "data": pairs()[:8], "max_steps": 1}
    few = {"kind": "prompt_tuning", "num_virtual_tokens": 4}
    with pytest.raises(ConfigurationError, match=f"only {positions - 4} positions beside those of 4 virtual tokens"):
        train("long", **recipe, lora=few, max_length=positions)
    with pytest.raises(ConfigurationError, match=f"has {positions} virtual tokens, and the model only"):
        train("many", **recipe, lora={**few, "num_virtual_tokens": positions})
    with pytest.raises(ConfigurationError, match="of the kind 'cpt' can be put on this model"):
        train("unknown", **recipe, lora={"kind": "cpt", "cpt_token_ids": [5, 99_999]})
    run = train("fits", **recipe, lora=few)
    assert length_limit(str(run.folder / "model"), None, None) == positions - 4
    assert length_limit("", run.model, None) == positions - 4


def test_a_recipe_survives_being_written_and_read() -> None:
    first = LoRA(kind="LoHa", rank=2, targets=["q_proj"])
    assert first.peft == {"r": 2, "target_modules": ["q_proj"]}
    again = LoRA.model_validate(json.loads(first.model_dump_json()))
    assert (again.kind, again.peft) == ("loha", first.peft)
    assert adapter_settings(again).r == 2
