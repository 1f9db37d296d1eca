"""What a dry run says of a round is what a round then asks for; the texts are those that are read and trained."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from online.test_self_play import keys_of
from penchant.cli.app import main
from penchant.online import make_online_recipe
from penchant.online.dry_run import facts
from penchant.online.preparation import Prepared, prepare
from penchant.online.recipe import OnlineRecipe
from penchant.online.rollouts import Rollout
from penchant.online.samplers.conversations.conversation import Conversation
from penchant.online.samplers.conversations.conversation_tree import ConversationTree
from penchant.online.samplers.file import File
from penchant.online.samplers.independent import Independent
from penchant.online.shown.costs import Round, memory, round_of, texts
from penchant.training.preparation import Given
from small_judges import JUDGES
from small_runs import pairs, write_pairs


def planned(folder: Path, tmp_path: Path, **changed: Any) -> tuple[OnlineRecipe, Prepared]:
    rows = [{"prompt": row["prompt"], "answer": "red"} for row in pairs(12)]
    keys: dict[str, Any] = {
        "model": str(folder),
        "data": str(write_pairs(tmp_path / "prompts.jsonl", rows)),
        "judge": {"name": "function", "path": f"{JUDGES}:reds"},
        "output": str(tmp_path / "x"),
        "max_new_tokens": 6,
        "prompts_per_iteration": 8,
        "iterations": 2,
    }
    recipe = make_online_recipe({**keys, **changed})
    return recipe, prepare(recipe, Given())


def counted(done: Any) -> Round:
    """What the first round asked for, from the file of its samples."""
    kept = json.loads((done.folder / "rounds/00001/rollouts.json").read_text())
    found = [Rollout.from_json(each) for each in kept]
    own = [[each.writers.count("policy"), len(each.responses)] for each in found]
    greedy = sum(each.baseline is not None for each in found)
    meetings = 0
    for each in found:
        for i, row in enumerate(each.probabilities):
            meetings += sum(not math.isnan(value) for value in row[i + 1 :])
    policy, every = sum(one for one, _ in own), sum(both for _, both in own)
    scored = sum(len(each.scored) for each in found) + greedy
    tokens = sum(len(each.prompt_ids) for each in found)
    return Round(len(found), policy, every - policy, greedy, 0, scored, meetings, tokens, (every + greedy) * 6)


@pytest.mark.parametrize("name", ["inpo", "egpo", "nash-md", "remax", "grpo"])
def test_a_round_asks_for_what_the_dry_run_says(name: str, online: Run, folder: Path, tmp_path: Path) -> None:
    keys = {**keys_of(name, tmp_path), "iterations": 2, "samples_per_prompt": 4, "save_rounds": 2}
    recipe, prepared = planned(folder, tmp_path, **{**keys, "data": str(tmp_path / "prompts.jsonl")})
    said, seen = round_of(recipe, prepared, 8), counted(online(name, **keys))
    assert (said.sampled, said.further, said.greedy) == (seen.sampled, seen.further, seen.greedy)
    assert said.scored == seen.scored
    # A tournament may end a comparison earlier.
    assert 0.9 * said.compared <= seen.compared <= said.compared
    assert said.new_tokens == seen.new_tokens
    assert abs(said.prompt_tokens - seen.prompt_tokens) <= 8, "said of the mean prompt"


def test_nothing_is_generated_where_the_responses_are_given(folder: Path, tmp_path: Path) -> None:
    rows = [{"prompt": row["prompt"], "completions": [row["chosen"], row["rejected"]], "scores": [1, 0]}
            for row in pairs(12)]  # fmt: skip
    data = write_pairs(tmp_path / "ranked.jsonl", rows)
    recipe, prepared = planned(folder, tmp_path, data=str(data), sampler="file", samples_per_prompt=2)
    said = round_of(recipe, prepared, 8)
    assert (said.sampled, said.given, said.new_tokens) == (0, 16, 0)
    assert said.generation == "nothing is generated; 16 responses are those of the records"
    assert "sampling 0 MiB" in memory(recipe, prepared, 8)


def test_the_texts_are_those_that_are_read_and_trained(folder: Path, tmp_path: Path) -> None:
    rows = [{"prompt": row["prompt"], "completion": row["rejected"], "complaint": "not good"} for row in pairs(12)]
    data = write_pairs(tmp_path / "complaints.jsonl", rows)
    _recipe, prepared = planned(folder, tmp_path, method="drift", data=str(data), judge="none")
    told = texts(prepared)
    assert "not good" in told["the policy reads"] and "not good" not in told["trained"]
    assert rows[0]["prompt"] in told["trained"]
    _recipe, plain = planned(folder, tmp_path, method="grpo")
    assert texts(plain)["trained"].startswith("the same, and then")


def test_memory_names_the_copies_that_are_kept(folder: Path, tmp_path: Path) -> None:
    kept = {
        "grpo": "no frozen copy",
        "inpo": "frozen copies (initial, previous)",
        "egpo": "frozen copies (initial, before the look-ahead)",
        "apo-nesterov": "frozen copies (nesterov)",
    }
    for name, told in kept.items():
        recipe, prepared = planned(folder, tmp_path, method=name)
        assert told in memory(recipe, prepared, 8), name
    recipe, prepared = planned(folder, tmp_path, method="grpo", objective={"beta": 0.1}, lora={"rank": 2})
    assert "no frozen copy" in memory(recipe, prepared, 8), "the reference is the model with its adapter switched off"
    assert {"a round samples", "a round judges", "tokens of a round", "memory"} <= facts(recipe, prepared).keys()


def test_the_command_prints_it_all(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    data = write_pairs(tmp_path / "prompts.jsonl", [{"prompt": row["prompt"], "answer": "red"} for row in pairs(12)])
    command = ["online", "inpo", "--model", str(folder), "--data", str(data), "--out", str(tmp_path / "x")]
    assert main([*command, "--dry-run", "prompts_per_iteration=4", "max_new_tokens=8", "judge.rule=exact"]) == 0
    shown = capsys.readouterr().out
    assert "32 of the policy" in shown and "32 responses scored, up to 44 comparisons of two responses" in shown
    assert "up to 256 generated" in shown and "the policy reads" in shown and "MiB at the peak" in shown


def test_every_kind_of_rounds_that_take_turns_is_described(folder: Path, tmp_path: Path) -> None:
    rows = [{"prompt": row["prompt"], "partner_prompt": "the hat", "answer": "red"} for row in pairs(12)]
    keys: dict[str, Any] = {"data": str(write_pairs(tmp_path / "tasks.jsonl", rows)), "iterations": 5}
    recipe, prepared = planned(folder, tmp_path, method="optima", **keys, samples_per_prompt=2)
    found = facts(recipe, prepared)
    first = {name.removeprefix("round 1, 3, 5: "): each for name, each in found.items() if "1, 3, 5" in name}
    second = {name.removeprefix("round 2, 4: "): each for name, each in found.items() if "2, 4" in name}
    assert first.keys() == second.keys() and {"objective", "pairing", "sampler", "rounds", "steps"} <= first.keys()
    assert first["objective"].startswith("NLL") and second["objective"].startswith("DPO")
    assert first["sampler"].startswith("conversation(") and second["sampler"].startswith("conversation-tree(")
    assert first["rounds"].startswith("3 of 8 prompts with 2") and second["rounds"].startswith("2 of 8 prompts with 3")
    assert first["a round samples"] == "16 of the policy, conversations with up to 8 turns in all"
    assert second["a round samples"] == "24 of the policy, conversations with up to 64 turns in all"
    assert "up to 768 generated" in first["tokens of a round"], "16 conversations of 8 turns of 6 tokens"
    assert all("frozen copies (previous, initial)" in each["memory"] for each in (first, second))
    assert found["kinds of rounds"] == "2, which take turns" and "judge" in found and "objective" not in found
    alone, plain = planned(folder, tmp_path, method="optima-isft", **keys)
    assert "objective" in facts(alone, plain), "one kind is described without a number"


def test_keys_and_values_of_both_agents_are_counted_where_they_are_kept() -> None:
    assert Independent().kept_tokens(10, 6) == 16 and File().kept_tokens(10, 6) == 10
    assert Conversation(turns=4).kept_tokens(10, 6) == 2 * 34
    assert Conversation(turns=4, keep_cache=False).kept_tokens(10, 6) == 34
    assert ConversationTree(turns=4, explore=3).kept_tokens(10, 6) == 3 * 2 * 34
