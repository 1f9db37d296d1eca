"""The world of two agents: its tasks, how its start model is taught to talk, and that its recipes run in it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from penchant.errors import ConfigurationError
from penchant.lab.worlds.agents import METHODS, AgentsWorld, Plan, build_words, demonstrations, run_agents, tasks
from penchant.lab.worlds.agents.experiment import start_model, teacher_model
from penchant.lab.worlds.agents.world import LABELS, STOP_WORD, brief_reply, script
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


def test_a_teacher_tells_its_number_or_answers_and_wastes_no_token() -> None:
    rng = random.Random(1)
    for row in tasks():
        said: list[str] = []
        while not said or STOP_WORD not in said[-1]:
            said.append(brief_reply(row, said))
        assert said[1:] == [f"{STOP_WORD} {row['answer']}"] and row["answer"].split()[0] in said[0].split()
        talked = script(row, rng)
        for place in range(len(talked)):
            told = any(
                row["answer"].split()[1 - place % 2] in each.split() for each in talked[1 - place % 2 : place : 2]
            )
            assert (STOP_WORD in brief_reply(row, talked[:place])) == told
    shown, brief = (demonstrations(tasks()[:9], seed=4, brief=each) for each in (False, True))
    assert [each["prompt"] for each in shown] == [each["prompt"] for each in brief] and shown != brief


def test_a_teacher_is_trained_once_and_is_not_the_start_model(tmp_path: Path) -> None:
    small = Plan(largest=1, held_out=1, copies=2, epochs=1, width=32)
    first = teacher_model(small, 0, folder=tmp_path)
    made = (first / "model.safetensors").stat().st_mtime_ns
    assert teacher_model(small, 0, folder=tmp_path) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == made
    assert start_model(small, 0, folder=tmp_path) != first


@pytest.mark.parametrize("method", METHODS)
def test_what_a_method_is_told_makes_a_recipe(method: str) -> None:
    recipe = make_online_recipe({"method": method, "model": "m", "data": "d", "teacher": "t", **METHODS[method]})
    assert recipe.sampler["stop_words"] == [STOP_WORD]


@pytest.fixture
def untrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start models and teachers that have learned nothing, and no pictures, which take longer than these runs."""

    def made(name: str, shift: int) -> Callable[[Plan, int], Path]:
        def make(plan: Plan, seed: int) -> Path:
            tokenizer = build_words(plan.largest)
            tiny_model(tokenizer, seed=seed + shift, hidden=32, layers=1).save_pretrained(tmp_path / name)
            tokenizer.save_pretrained(tmp_path / name)
            return tmp_path / name

        return make

    for shift, name in enumerate(("start_model", "teacher_model")):
        monkeypatch.setattr(f"penchant.lab.worlds.agents.experiment.{name}", made(name, shift))
    monkeypatch.setattr("penchant.online.outcome.write_report", lambda folder: folder / "report.html")


@pytest.mark.usefixtures("untrained")
def test_a_run_measures_accuracy_and_tokens(tmp_path: Path) -> None:
    changes = (("samples_per_prompt", 2), ("pairing", {"threshold": None}), ("eval_samples", 1))
    found = run_agents(tmp_path / "run", "optima-isft", 3, Plan(largest=2, held_out=3, rounds=1, changes=changes))
    assert [len(row) for row in found.curve] == [5, 5]
    assert found.curve[0][4] > 0 and found.result.summary["steps"] > 0
    kept = json.loads((found.result.folder / "samples.json").read_text(encoding="utf-8"))
    assert kept and kept[0]["before"].startswith("one :")
    with pytest.raises(ConfigurationError, match="Did you mean 'optima'"):
        run_agents(tmp_path / "run", "optimo")


@pytest.mark.usefixtures("untrained")
def test_turns_are_brought_to_the_teachers(tmp_path: Path) -> None:
    plan = Plan(largest=2, held_out=3, rounds=1, changes=(("samples_per_prompt", 2), ("eval_samples", 1)))
    found = run_agents(tmp_path / "run", "on-policy-distillation", 3, plan)
    [drawn] = (found.result.folder / "rounds").glob("*/rollouts.json")
    turns = sum(len(each["tree"]) for each in json.loads(drawn.read_text(encoding="utf-8")))
    rows = list(map(json.loads, (found.result.folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()))
    [examples] = [row["sampled/examples"] for row in rows if "sampled/examples" in row]
    assert 0 < examples <= turns and found.result.summary["steps"] > 0
    assert str(tmp_path / "teacher_model") in (found.result.folder / "recipe.yaml").read_text(encoding="utf-8")
