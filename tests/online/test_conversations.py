"""Conversations of two agents: what each reads, how they end, what they are worth, and what is trained on."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from online.conftest import Run
from online.killing import killed_and_resumed
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Prompt
from penchant.generation.responses import Response, Sampling
from penchant.generation.transformers_engine import TransformersEngine
from penchant.likelihood.loading import load_model
from penchant.objectives import build
from penchant.online import build_examples, build_pairing
from penchant.online.pairings.conversations import TurnPairs
from penchant.online.process_rewards.implicit import Implicit
from penchant.online.rollouts import Rollout
from penchant.online.samplers.conversations.agents import Turn, reads
from penchant.online.samplers.conversations.conversation import Conversation
from penchant.online.samplers.conversations.conversation_tree import candidates
from penchant.online.samplers.conversations.talks import Ended, Talk
from penchant.online.samplers.conversations.worth import conversation_rewards
from penchant.online.samplers.sampler import Means
from penchant.online.trees import ROOT
from penchant.rendering.renderer import Renderer
from penchant.rewards import build_judge
from small_judges import JUDGES
from small_runs import losses, metrics, pairs, word_tokenizer, write_pairs

TASK = Prompt(prompt="the car", fields={"partner_prompt": "the hat"})


class Parrot(TransformersEngine):
    """An engine that says the same for ever, or what it is told in turn."""

    script: Sequence[str] = ("red",)
    said = 0

    def sample(self, prompts: Any, sampling: Sampling, *, seed: int) -> list[list[Response]]:
        found = []
        for _ in prompts:
            text = self.script[self.said % len(self.script)]
            self.said += 1
            ids = tuple(self.renderer.tokenizer(text, add_special_tokens=False)["input_ids"])
            found.append([Response(text, ids, True)] * sampling.samples)
        return found


def parrot(*script: str) -> Means:
    engine = Parrot(Renderer(word_tokenizer()))
    engine.script = script
    return Means(engine, build_judge({"name": "function", "path": f"{JUDGES}:reds"}, []))


def drawn(means: Means, samples: int = 1, **settings: Any) -> Any:
    [found] = Conversation(**settings).draw([TASK], means, Sampling(samples, 4), seed=0)
    return found


def test_an_agent_that_repeats_itself_for_ever_is_stopped_and_counted() -> None:
    found = drawn(parrot("red"), turns=100, stop_words=["gold"], unanswered=-1.0)
    assert found.facts["repeating"] == 1.0 and found.facts["turns"] == 5.0
    assert found.scores == (-1.0,)
    assert [each.finished for each in found.responses] == [False]


def test_it_ends_at_a_stop_word_or_at_the_limit_and_the_judge_reads_what_follows_the_word() -> None:
    ended = drawn(parrot("the car", "is old", "very good red"), stop_words=["good"])
    assert ended.facts["answered"] == 1.0 and ended.facts["turns"] == 3.0
    assert ended.scores == pytest.approx([1 - 0.01 - 0.003])  # of "red" alone
    limited = drawn(parrot("a", "b", "c", "d"), turns=4, stop_words=["good"])
    assert limited.facts["answered"] == 0.0 and limited.facts["turns"] == 4.0
    assert limited.responses[0].text == "A: a\nB: b\nA: c\nB: d"


def test_each_turn_is_kept_with_what_its_speaker_read_and_trained_on_alone() -> None:
    means = parrot("the car", "is red", "very good")
    found = drawn(means, stop_words=["good"])
    renderer = means.engine.renderer
    contexts = [renderer.decode(list(each.context), skip_special_tokens=True) for each in found.tree.nodes]
    assert [each.split()[:2] for each in contexts] == [["the", "car"], ["the", "hat"], ["the", "car"]]
    assert "is red" in contexts[2] and "is red" not in contexts[1]
    rollout = Rollout(TASK.source, TASK.prompt, (1,), found.responses, found.scores, tree=found.tree)
    examples = build_examples([rollout], build_pairing("best_turns"), build("nll").requirements)
    assert [each.views["chosen"][0].response for each in examples] == [each.ids for each in found.tree.nodes]
    assert [each.views["chosen"][0].prompt for each in examples] == [each.context for each in found.tree.nodes]


def test_of_a_fixed_partner_nothing_is_trained(folder: Path) -> None:
    engine = TransformersEngine(Renderer(word_tokenizer()))
    policy = load_model(folder)
    engine.use(policy)
    means = Means(engine, parrot("a").judge, policy=policy)
    sampler = Conversation(partner=str(folder), turns=4)
    [found] = sampler.draw([TASK], means, Sampling(2, 4), seed=0)
    assert found.tree is not None and found.scores is not None
    speakers = [each.speaker for each in found.tree.nodes if each.facts["agent"] == 1]
    assert speakers and set(speakers) == {"partner"} and engine.model is policy
    rollout = Rollout(TASK.source, TASK.prompt, (1,), found.responses, found.scores, tree=found.tree)
    examples = build_examples([rollout], build_pairing("turns"), build("bnpo").requirements)
    own = [each for each in found.tree.nodes if each.trained]
    assert len(examples) == len(own) and all(each.facts["agent"] == 0 for each in own)
    again = sampler.draw([TASK], means, Sampling(2, 4), seed=0)[0]
    assert again == found or repr(again) == repr(found)
    assert sampler.draw([TASK], means, Sampling(2, 4), seed=1)[0].responses != found.responses


def test_a_partner_with_other_weights_is_another_run(online: Run, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    keys = keys_of(tmp_path, "optima-isft")
    keys["sampler"] = {**keys["sampler"], "partner": str(other)}
    online("run", **keys)
    save_file(
        {name: value * 1.5 for name, value in load_file(other / "model.safetensors").items()},
        other / "model.safetensors",
        metadata={"format": "pt"},
    )
    with pytest.raises(ConfigurationError, match="partner"):
        online("run", resume=True, **keys)


def test_messages_keep_the_roles_of_each_agent() -> None:
    asked = [{"role": "user", "content": "task"}]
    assert reads(asked, [], ("A: ", "B: ")) == asked
    second: Any = reads(asked, ["hello", "x", "y"], ("A: ", "B: "))
    assert [each["role"] for each in second] == ["user", "assistant", "user"]
    assert [each["content"] for each in second] == ["task\n\nhello", "x", "y"]
    assert asked == [{"role": "user", "content": "task"}]


SCORES = st.lists(st.tuples(st.floats(0, 1), st.integers(1, 600), st.floats(0.05, 10)), min_size=1, max_size=8)


@given(SCORES, st.floats(0.1, 1), st.floats(0, 1), st.data())
def test_more_tokens_never_raise_a_reward(rows: list[Any], cost: float, weight: float, data: st.DataObject) -> None:
    task, tokens, clear = (list(each) for each in zip(*rows, strict=True))
    given_ = {"token_weight": cost, "loss_weight": weight}
    before = conversation_rewards(task, tokens, clear, **given_)
    row = data.draw(st.integers(0, len(rows) - 1))
    tokens[row] += data.draw(st.integers(1, 100))
    assert conversation_rewards(task, tokens, clear, **given_)[row] <= before[row] + 1e-12
    assert conversation_rewards(task, tokens, clear, token_weight=0, loss_weight=0) == task


def grown(texts: Sequence[Sequence[str]], merged: float = 0.0) -> Talk:
    talk = Talk(TASK, merged)
    for path in texts:
        at = ROOT
        for text in path:
            at = talk.add(at, Turn((5,), text, ()))
        talk.ended.append(Ended(at, "answered", 0.0))
    return talk


PATHS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), min_size=1, max_size=8)


@given(PATHS, st.data())
def test_a_turn_is_worth_the_mean_reward_of_the_conversations_through_it(
    paths: list[list[str]], data: st.DataObject
) -> None:
    talk = grown(paths)
    rewards = data.draw(st.lists(st.floats(-1, 1), min_size=len(paths), max_size=len(paths)))
    values, visits = talk.values(rewards)
    for place in range(len(talk.turns)):
        through = [reward for each, reward in zip(talk.ended, rewards, strict=True) if place in talk.path(each.leaf)]
        assert visits[place] == len(through) > 0
        assert values[place] == pytest.approx(sum(through) / len(through))


@given(PATHS, st.lists(st.floats(-1, 1), min_size=8, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_thresholds_only_take_pairs_away(
    paths: list[list[str]], rewards: list[float], threshold: float, gap: float
) -> None:
    tree = grown(paths).tree(rewards[: len(paths)])
    loose = set(TurnPairs(threshold=-2.0, gap=0.0).pairs(tree))
    strict = set(TurnPairs(threshold=threshold, gap=gap).pairs(tree))
    assert strict <= loose
    assert all(tree.nodes[one].parent == tree.nodes[other].parent for one, other in loose)
    equal = grown(paths).tree([0.5] * len(paths))
    assert not list(TurnPairs(threshold=-2.0, gap=0.0).pairs(equal))


def test_turns_that_differ_little_are_one_and_a_search_goes_on_from_new_ones() -> None:
    talk = grown([["the car is red", "a", "b"], ["the car is red!", "c", "d"], ["no", "e", "f"]], merged=0.1)
    assert [each.text for each in talk.turns if each.text.startswith("the")] == ["the car is red"]
    assert candidates(talk, 0.25) == [ROOT, 0, 5]
    talk.expanded.append(0)
    assert candidates(talk, 0.25) == [ROOT, 5]
    assert candidates(grown([["a", "b"]]), 0.25) == [ROOT]


def test_the_best_half_of_the_pairs_and_a_part_of_the_ranking_stay() -> None:
    rollouts = []
    for reward in (0.9, 0.6, 0.3, 0.8):
        tree = grown([["x", "y"], ["z", "y"]]).tree([reward, 0.0])
        rollouts.append(Rollout(TASK.source, "p", (1,), (), (reward, 0.0), tree=tree))
    kept = list(build_pairing("turn_pairs", threshold=0.2, keep=0.5).choose(rollouts))
    assert [each[2]["chosen_score"] for each in kept] == [0.9, 0.8]
    scores = [fields["score"] for _, _, fields in build_pairing("best_turns", first=0.25, last=0.75).choose(rollouts)]
    assert scores == [0.6, 0.6, 0.8, 0.8]
    assert not list(build_pairing("best_turns", threshold=1.0).choose(rollouts))
    with pytest.raises(ConfigurationError, match="there is nothing"):
        build_pairing("best_turns", first=0.8, last=0.7)


def keys_of(folder: Path, name: str) -> dict[str, Any]:
    rows = [{"prompt": row["prompt"], "partner_prompt": f"{row['prompt']} good"} for row in pairs(8)]
    talk = {"turns": 4, "stop_words": [], "token_weight": 0.5, "loss_weight": 0.1}
    tree = {"name": "conversation-tree", **talk, "explore": 2}
    alternating = [
        {"objective": {"name": "dpo"}, "sampler": tree, "pairing": {"name": "turn_pairs", "threshold": -9, "gap": 0}}
    ]
    own: dict[str, Any] = {
        "optima-isft": {"sampler": {"name": "conversation", **talk}, "pairing": {"threshold": None}},
        "optima-idpo": {"sampler": tree, "pairing": {"threshold": -9, "gap": 0}},
        "optima": {
            "sampler": {"name": "conversation", **talk},
            "pairing": {"threshold": None},
            "alternate": alternating,
        },
        "oprl": {
            "sampler": {"name": "conversation", "turns": 4, "stop_words": []},
            "process_reward": {"learning_rate": 1e-2},
            "batch_size": 8,
        },
    }[name]
    small = {"samples_per_prompt": 2, "temperature": 1.0, "prompts_per_iteration": 4, "max_new_tokens": 4}
    data = write_pairs(folder / "tasks.jsonl", rows)
    return {"method": name, **small, "data": str(data), "iterations": 2, "optimizer_state": "keep", **own}


@pytest.mark.parametrize("name", ["optima-isft", "optima-idpo", "optima", "oprl"])
def test_a_recipe_trains_and_says_tokens_and_score(name: str, online: Run, tmp_path: Path) -> None:
    done = online(name, **keys_of(tmp_path, name))
    assert done.summary["steps"] > 0 and all(math.isfinite(each) for each in losses(done.folder))
    rows = [row for row in metrics(done.folder).values() if "sampled/tokens" in row]
    assert len(rows) == 2 and all(row["sampled/turns"] <= 4 and row["sampled/tokens"] > 0 for row in rows)
    assert done.summary["after"]["responses/length"] > 0
    kept = json.loads((done.folder / "rounds" / "00002" / "rollouts.json").read_text(encoding="utf-8"))
    assert {len(each["responses"]) for each in kept} == {4 if name in ("optima", "optima-idpo") else 2}
    facts = {key for rollout in kept for node in rollout["tree"] for key in node["facts"]} - {"invalid"}
    assert facts == {"agent"} | ({"step_reward", "old_logp"} if name == "oprl" else {"base_loss"})


KILLS = {
    "optima": (TransformersEngine, "sample", 18),
    "oprl": (Implicit, "learn", 2),
}


@pytest.mark.parametrize("name", KILLS)
def test_killed_in_the_middle_of_a_conversation_it_ends_as_an_uninterrupted_one(
    name: str, online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {**keys_of(tmp_path, name), "iterations": 3}
    whole = online("whole", **keys)
    killed_and_resumed(online, keys, monkeypatch, whole, *KILLS[name])


def refused(online: Run, tmp_path: Path, match: str, name: str = "optima-isft", **changed: Any) -> None:
    with pytest.raises((ConfigurationError, DataError), match=match):
        online(**{**keys_of(tmp_path, name), **changed})


def test_choices_that_do_not_go_together_are_refused(online: Run, tmp_path: Path) -> None:
    talk = {"name": "conversation", "turns": 4}
    refused(online, tmp_path, "trains on whole responses", pairing="best")
    refused(online, tmp_path, "does not know unfinished_penalty", unfinished_penalty=1.0)
    refused(online, tmp_path, "needs rewards, but there is no judge", judge="none")
    refused(online, tmp_path, "no prompt 'other'", sampler={**talk, "prompts": ["prompt", "other"]})
    refused(online, tmp_path, "has two agents, and labels has 1", sampler={**talk, "labels": ["A"]})
    refused(online, tmp_path, "nothing gives them", "oprl", process_reward="none")
    refused(online, tmp_path, "no pairing reads it", process_reward="implicit")
    refused(online, tmp_path, "cannot differ between the rounds", alternate=[{"judge": "none"}])
    refused(online, tmp_path, "do not reuse each other's samples", alternate=[{"epochs": 2}], history=1)
    critic = {"objective": {"name": "ppo"}, "pairing": {"name": "returns"}}
    refused(online, tmp_path, "learns parameters of its own", "oprl", alternate=[critic])
