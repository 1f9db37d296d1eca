"""The world of two agents: its tasks, how its start model is taught to talk, and that its recipes run in it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.lab.worlds.agents import METHODS, AgentsWorld, Plan, build_words, demonstrations, run_agents, tasks
from penchant.lab.worlds.agents.world import LABELS, STOP_WORD, script
from penchant.lab.worlds.language.model import tiny_model
from penchant.online import make_online_recipe
from penchant.rendering.renderer import Renderer


def test_no_agent_knows_the_answer_alone() -> None:
    rows = tasks(seed=1, largest=3)
    assert len({(row["prompt"], row["partner_prompt"]) for row in rows}) == len(rows) == 16
    for name in ("prompt", "partner_prompt"):
        answers: dict[str, set[str]] = {}
        for row in rows:
            answers.setdefault(row[name], set()).add(row["answer"])
        assert all(len(each) == 4 for each in answers.values())
    split = [row["split"] for row in AgentsWorld(3, 5).rows(1)]
    assert split == ["test"] * 5 + ["train"] * 11


def test_conversations_that_are_shown_end_with_the_right_answer_and_waste_tokens() -> None:
    rng = random.Random(0)
    lengths = []
    for row in tasks():
        said = script(row, rng)
        assert said[-1].endswith(f"{STOP_WORD} {row['answer']}") and STOP_WORD not in " ".join(said[:-1])
        # whoever answers was told the partner's number before
        told = [row["answer"].split()[1 - (len(said) - 1) % 2] in text.split() for text in said[-2::-2]]
        assert any(told)
        lengths.append(sum(len(text.split()) + 1 for text in said))
    assert sum(lengths) / len(lengths) > 3 * min(lengths)


def test_every_word_is_one_token_and_comes_back() -> None:
    renderer = Renderer(build_words())
    for row in demonstrations(tasks(largest=9)[:20], seed=2):
        ids = renderer.prompt_ids(row["prompt"])
        assert renderer.tokenizer.unk_token_id not in [*ids, *renderer.response_ids(row["prompt"], row["completion"])]
        assert any(label.strip().split()[0] in row["prompt"] for label in LABELS)


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_is_told_makes_a_recipe(method: str) -> None:
    recipe = make_online_recipe({"method": method, "model": "m", "data": "d", **METHODS[method]})
    assert recipe.sampler["stop_words"] == [STOP_WORD]


def test_a_run_measures_accuracy_and_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def untrained(plan: Plan, seed: int) -> Path:
        tokenizer = build_words(plan.largest)
        tiny_model(tokenizer, seed=seed, hidden=32, layers=1).save_pretrained(tmp_path / "start")
        tokenizer.save_pretrained(tmp_path / "start")
        return tmp_path / "start"

    monkeypatch.setattr("penchant.lab.worlds.agents.experiment.start_model", untrained)
    monkeypatch.setattr("penchant.online.outcome.write_report", lambda folder: folder / "report.html")
    changes = (("samples_per_prompt", 2), ("pairing", {"threshold": None}), ("eval_samples", 1))
    found = run_agents(tmp_path / "run", "optima-isft", 3, Plan(largest=2, held_out=3, rounds=1, changes=changes))
    assert [len(row) for row in found.curve] == [5, 5]
    assert found.curve[0][4] > 0 and found.result.summary["steps"] > 0
    kept = json.loads((found.result.folder / "samples.json").read_text(encoding="utf-8"))
    assert kept and kept[0]["before"].startswith("one :")
    with pytest.raises(ConfigurationError, match="Did you mean 'optima'"):
        run_agents(tmp_path / "run", "optimo")
