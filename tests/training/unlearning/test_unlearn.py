"""`unlearn`: from the forget set to the report, what is refused before training, and the cost of a step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import penchant
from penchant.errors import ConfigurationError, DataError
from penchant.evaluation.unlearning.relearning import Attack
from penchant.likelihood.forest_scorer import ForestScorer
from penchant.objectives import build
from penchant.objectives.core.expression import NAMED_SUMS
from penchant.objectives.unlearning.undial import undial_cross_entropy
from penchant.training.unlearning.api import Unlearned, unlearn
from penchant.training.unlearning.methods import objective_of_method, unlearning_methods
from small_runs import losses, model_folder, pairs, stopped_after, word_tokenizer

QUICK: dict[str, Any] = {"max_steps": 4, "batch_size": 2, "learning_rate": 1e-2, "samples": 0, "device": "cpu"}


def facts(count: int, start: int = 0) -> list[dict[str, str]]:
    return [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs()[start : start + count]]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return model_folder(tmp_path / "model")


def run(folder: Path, forget: Any, retain: Any = None, method: str = "npo", **options: Any) -> Unlearned:
    options = {"attack": Attack(steps=0), **QUICK, **options}
    return unlearn(str(folder), forget, retain, method, folder.parent / "run", **options)


def test_a_run_is_measured_before_during_and_after(folder: Path, tmp_path: Path) -> None:
    forget, retain = written(tmp_path / "f.jsonl", facts(4)), written(tmp_path / "r.jsonl", facts(4, 4))
    attack = Attack(records=1, steps=2, points=1)
    found = run(folder, forget, retain, retrained=str(folder), measure_every=2, attack=attack)
    assert found.report["models"] == ["before", "after", "retrained"]
    assert [each["step"] for each in found.report["trajectory"]] == [0, 2, 4]
    rows = {row["key"]: row["values"] for row in found.report["figures"]}
    assert rows["forget/nll"]["after"] > rows["forget/nll"]["before"] == rows["forget/nll"]["retrained"]
    first, last = found.report["trajectory"][0], found.report["trajectory"][-1]
    assert first["forget/nll"] == pytest.approx(rows["forget/nll"]["before"], abs=1e-4)
    assert last["forget/nll"] == pytest.approx(rows["forget/nll"]["after"], abs=1e-4)
    assert set(found.report["relearning"]["curves"]) == {"after", "retrained"}
    assert json.loads((tmp_path / "run" / "unlearning.json").read_text()) == found.report
    page = found.page.read_text(encoding="utf-8")
    assert "Dashed: the forget set in the retrained model" in page and 'class="tight"' in page
    assert "Relearning attack" in page and "Forget quality against utility" in page and "npo+retain-nll" in page
    # A random model knows nothing, which is said before training and in the report.
    assert any("does not seem to know what it is to forget" in note for note in found.report["notes"])
    assert (tmp_path / "run" / "recipe.yaml").read_text().count("retain") >= 1


def test_records_in_both_sets_are_named(folder: Path, tmp_path: Path) -> None:
    copied = [{**each, "prompt": each["prompt"].upper()} for each in facts(2, 1)]
    forget, retain = written(tmp_path / "f.jsonl", facts(3)), written(tmp_path / "r.jsonl", facts(3, 3) + copied)
    with pytest.raises(DataError, match=r"2 of 5 retain records .*r\.jsonl:4 is forget .*f\.jsonl:2, .*r\.jsonl:5 is"):
        run(folder, forget, retain)
    assert run(folder, forget, retain, on_bad="skip").run.summary["examples"] == 3
    with pytest.raises(DataError, match="Remove these rows from the retain set"):
        run(folder, forget, facts(3), on_bad="skip", overwrite=True)


def test_bad_sets_are_refused_before_training(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"In the source 'retain': .*no records"):
        run(folder, facts(2), written(tmp_path / "empty.jsonl", []))
    with pytest.raises(DataError, match="forget set has a record with 2 responses"):
        run(folder, pairs()[:2], facts(2, 4))
    with pytest.raises(ConfigurationError, match="needs records to keep, and there are none"):
        run(folder, facts(2), None, "rmu")
    with pytest.raises(ConfigurationError, match="'dpo' forgets nothing: it reads chosen, rejected"):
        run(folder, facts(2), facts(2, 4), "dpo")
    assert not (tmp_path / "run" / "model").exists()


def test_refusals_are_built_where_they_are_missing_and_a_later_run_finds_them(folder: Path, tmp_path: Path) -> None:
    refusals = tmp_path / "refusals.txt"
    refusals.write_text("not good\n", encoding="utf-8")
    found = run(folder, facts(3), written(tmp_path / "r.jsonl", facts(3, 3)), "idk", refusals=refusals)
    rows = [json.loads(line) for line in (tmp_path / "run-forget.jsonl").read_text().splitlines()]
    assert [row["idk"] for row in rows] == ["not good"] * 3
    assert "run-forget.jsonl" in (found.run.folder / "recipe.yaml").read_text()


def test_refusals_are_built_for_columns_that_a_mapping_names(folder: Path, tmp_path: Path) -> None:
    sets = [
        written(
            tmp_path / name, [{"question": each["prompt"], "answer": each["completion"]} for each in facts(3, first)]
        )
        for name, first in (("f.jsonl", 0), ("r.jsonl", 3))
    ]
    mapping = {"prompt": "question", "completion": "answer"}
    run(folder, *sets, "idk", mapping=mapping)
    row = json.loads((tmp_path / "run-forget.jsonl").read_text().splitlines()[0])
    assert set(row) == {"question", "answer", "idk"}
    with pytest.raises(DataError, match="whose 'prompt' is a template"):
        run(folder, *sets, "idk", mapping={**mapping, "prompt": "Q: {question}"}, overwrite=True)


def test_a_method_gets_a_retain_term_where_there_is_something_to_keep() -> None:
    for name in unlearning_methods():
        assert "retain" in build(objective_of_method(name, True)).requirements.views, name
    forgetting = {name for name, terms in NAMED_SUMS.items() if "retain" in terms}
    assert forgetting <= set(unlearning_methods()) and not {"dpo", "rpo-dpo-nll"} & set(unlearning_methods())
    assert objective_of_method("simnpo", True) == "simnpo-retain" and objective_of_method("ce-u", False) == "ce-u"


def test_npo_with_retain_is_one_forward_pass_of_the_policy_a_step(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forget and retain records lie in one forest; the reference has a pass of its own."""
    passes: list[tuple[int, bool]] = []
    score = ForestScorer.score

    def counted(self: ForestScorer, forest: Any, *args: Any, **kwargs: Any) -> Any:
        passes.append((forest.mask.shape[0], torch.is_grad_enabled()))
        return score(self, forest, *args, **kwargs)

    monkeypatch.setattr(ForestScorer, "score", counted)
    data = {"forget": facts(2), "retain": facts(2, 4)}
    penchant.train(str(folder), data, "npo-retain", folder.parent / "run", accumulate=1, **QUICK)
    trained = [responses for responses, with_gradient in passes if with_gradient]
    assert trained == [4] * QUICK["max_steps"]


@pytest.mark.parametrize("positions", ["response", "all"])
def test_undial_counts_the_tokens_of_prompts_where_asked(folder: Path, tmp_path: Path, positions: str) -> None:
    from transformers import AutoModelForCausalLM

    rows = facts(3)
    found = penchant.train(
        str(folder), {"forget": rows}, {"name": "undial", "beta": 2.0, "positions": positions}, tmp_path / "run",
        **{**QUICK, "max_steps": 1, "batch_size": 3},
    )  # fmt: skip
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), word_tokenizer()
    values = []
    for row in rows:
        asked = tokenizer(row["prompt"]).input_ids
        ids = torch.tensor([*asked, *tokenizer(row["completion"], add_special_tokens=False).input_ids, 2])
        with torch.no_grad():
            log_probs = model(ids[None]).logits[0, :-1].log_softmax(-1)
        each = undial_cross_entropy(log_probs, ids[1:], log_probs, beta=2.0)
        values.append(each[len(asked) - 1 if positions == "response" else 0 :])
    assert losses(found.folder)[0] == pytest.approx(torch.cat(values).mean().item(), abs=1e-4)


def test_the_door_of_the_package_is_this_function() -> None:
    assert penchant.unlearn is unlearn and "unlearn" in dir(penchant)


def test_a_resumed_run_is_the_uninterrupted_one_with_all_its_measurements(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget, retain = written(tmp_path / "f.jsonl", facts(4)), written(tmp_path / "r.jsonl", facts(4, 4))

    def once(name: str, **more: Any) -> Unlearned:
        recipe = {**QUICK, "measure_every": 1, "save_every": 2, "attack": Attack(steps=0), **more}
        return penchant.unlearn(str(folder), forget, retain, "npo", tmp_path / name, **recipe)

    whole = once("whole")
    stopped_after(3, lambda: once("again"), monkeypatch)
    path = tmp_path / "again" / "unlearning.jsonl"
    path.write_text(path.read_text() + '{"step": 3, "forg')  # the process died while it wrote
    again = once("again", resume=True)
    model = Path("model") / "model.safetensors"
    assert (tmp_path / "again" / model).read_bytes() == (tmp_path / "whole" / model).read_bytes()
    assert again.report["trajectory"] == whole.report["trajectory"]
    assert [each["step"] for each in again.report["trajectory"]] == [0, 1, 2, 3, 4]
    assert again.report["figures"] == whole.report["figures"] and again.report["models"] == ["before", "after"]
