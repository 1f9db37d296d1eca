"""Games between policies and labels of one's own: every recipe runs by its name, and goes on where it was killed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from online.conftest import Run
from online.killing import killed_and_resumed
from penchant.errors import ConfigurationError, DataError
from penchant.feedback.records import Comparison, Demonstration, Source
from penchant.generation import Response
from penchant.objectives import build, names
from penchant.online import build_pairing, make_online_recipe
from penchant.online.asking import Revision
from penchant.online.differences import check_differences, reads_differences
from penchant.online.loop import OnlineRun
from penchant.online.reference_updates import build_reference_update
from penchant.online.rollout_maker import RolloutMaker
from penchant.online.rollouts import Rollout
from penchant.online.tournament import knock_out
from penchant.rewards import build_judge
from penchant.training.trainer import PreferenceTrainer
from small_runs import losses, metrics, pairs, write_pairs


def data_for(name: str, folder: Path) -> dict[str, Any]:
    """The records that a recipe asks for, and whether it needs the judge of the fixture."""
    if name == "hypo":
        rows: list[dict[str, Any]] = pairs(12)
    elif name == "drift":
        rows = [{"prompt": row["prompt"], "completion": row["rejected"], "complaint": "Not that."} for row in pairs(12)]
    elif name == "dno-prct":
        rows = [{"prompt": row["prompt"], "completion": row["chosen"], "answer": "red"} for row in pairs(12)]
    else:
        return {}
    return {"data": str(write_pairs(folder / f"{name}.jsonl", rows))}


#: What changes in a recipe so that it fits a tiny model: an objective's scale, and a judge of its own.
OWN: dict[str, dict[str, Any]] = {
    "inpo": {"objective": {"name": "inpo", "eta": 0.5, "ratio": 0.25}},
    "egpo": {"iterations": 4},
    "dno-prct": {"pairing": {"name": "student_teacher", "margin": 0.0}},
    "hypo": {"judge": "none", "objective": {"name": "hypo", "weight": 0.01}},
    "drift": {"judge": "none"},
    "cream": {"judge": {"name": "policy"}},
    "selfie": {"judge": {"name": "policy"}},
    "self-rewarding": {"judge": {"name": "policy"}},
    "xpo": {"objective": {"name": "xpo", "alpha": 0.01}},
}
RECIPES = [
    *("apo-nesterov", "cream", "curated-retraining", "dno", "dno-prct", "drift", "egpo", "hypo", "inpo", "nash-md"),
    *("online-dpo", "rebel", "self-rewarding", "selfie", "spo-minimax", "xpo"),
]


def keys_of(name: str, folder: Path) -> dict[str, Any]:
    small = {"samples_per_prompt": 4, "temperature": 1.0, "optimizer_state": "keep", "schedule": "constant"}
    fast = {"warmup": 0.0, "max_new_tokens": 6, "epochs": 2 if name == "inpo" else 1}
    return {"method": name, **small, **fast, **data_for(name, folder), **OWN.get(name, {})}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_runs_by_its_name_and_trains(name: str, online: Run, tmp_path: Path) -> None:
    done = online(name, **keys_of(name, tmp_path))
    assert done.summary["steps"] > 0
    assert all(math.isfinite(each) for each in losses(done.folder))


KILLS = {
    "egpo": (PreferenceTrainer, "training_step", 4),
    "inpo": (PreferenceTrainer, "training_step", 6),
    "cream": (OnlineRun, "_advance", 2),
    "nash-md": (RolloutMaker, "sample", 2),
    "selfie": (PreferenceTrainer, "training_step", 4),
}


@pytest.mark.parametrize("name", KILLS)
def test_a_killed_game_ends_as_an_uninterrupted_one(
    name: str, online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {**keys_of(name, tmp_path), "save_every": 1}
    whole = online("whole", **keys)
    killed_and_resumed(online, keys, monkeypatch, whole, *KILLS[name])


def test_a_look_ahead_is_taken_back_bit_for_bit(online: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.online.step_rules import Extragradient

    seen: list[tuple[int, float, float]] = []
    original = Extragradient.before_training

    def watched(self: Any, number: int, policy: torch.nn.Module, state: Any, teaches: bool) -> None:
        before = sum(float(each.double().abs().sum()) for each in policy.parameters())
        original(self, number, policy, state, teaches)
        after = sum(float(each.double().abs().sum()) for each in policy.parameters())
        seen.append((number, before, after))

    monkeypatch.setattr(Extragradient, "before_training", watched)
    online(method="egpo", iterations=4)
    assert [each[0] for each in seen] == [0, 1, 2, 3]
    assert seen[0][1] == seen[0][2] == seen[1][2], "the real step begins where the look-ahead began"
    assert seen[1][1] != seen[1][2] and seen[2][1] == seen[2][2] == seen[3][2] != seen[0][1]
    with pytest.raises(ConfigurationError, match=r"'iterations' is 3, but two rounds.*iterations=4"):
        make_online_recipe({"model": "m", "data": "d", "method": "egpo", "iterations": 3})


def test_two_references_differ_from_the_second_round_on(online: Run) -> None:
    keys: dict[str, Any] = {"method": "inpo", "samples_per_prompt": 4, "iterations": 2, "epochs": 1, "batch_size": 8}
    keys |= {"optimizer_state": "keep", "schedule": "constant", "warmup": 0.0, "learning_rate": 1e-2}
    runs = {
        ratio: online(f"ratio-{ratio}", objective={"name": "inpo", "eta": 0.5, "ratio": ratio}, **keys)
        for ratio in (0.0, 1.0)
    }
    steps = [losses(each.folder) for each in runs.values()]
    assert steps[0][0] == steps[1][0] and steps[0][-1] != steps[1][-1]


@pytest.mark.parametrize("name", ["inpo", "iterative-dpo", "cream"])
def test_one_sample_is_refused_where_samples_are_compared(name: str, online: Run) -> None:
    with pytest.raises(ConfigurationError, match=r"samples_per_prompt: .*against one another, and there is one"):
        online(method=name, samples_per_prompt=1)


def test_general_preference_optimization_reads_a_judge_that_only_compares(online: Run, tmp_path: Path) -> None:
    (tmp_path / "people.py").write_text("def prefers(prompt, a, b):\n    return 0.9 if len(a) > len(b) else 0.2\n")
    judge = {"name": "preference_function", "path": str(tmp_path / "people.py:prefers")}
    keys: dict[str, Any] = {"samples_per_prompt": 4, "temperature": 1.0, "optimizer_state": "keep", "iterations": 1}
    keys |= {"pairing": {"name": "best_worst", "scores": "lead"}, "objective": {"name": "gpo", "beta": 1.0}}
    done = online(method="sppo", judge=judge, **keys)
    assert done.summary["steps"] > 0 and all(math.isfinite(each) for each in losses(done.folder))


def test_without_a_reference_two_are_refused_too() -> None:
    with pytest.raises(ConfigurationError, match="'reference' is 'none'"):
        make_online_recipe({"model": "m", "data": "d", "method": "inpo", "reference": "none"})


def test_the_reference_may_be_extrapolated_for_losses_of_differences_alone(online: Run) -> None:
    done = online(method="apo-nesterov", reference="extrapolated", optimizer_state="keep", schedule="constant")
    assert done.summary["reference"] == "extrapolated" and done.summary["steps"] > 0
    able = {name for name in names() if reads_differences(build(name))}
    assert {"dpo", "cdpo", "rebel", "dno", "egpo", "inpo"} <= able
    assert not {"sppo", "sppo-hard", "gpo", "kto", "ipo", "nll"} & able
    with pytest.raises(ConfigurationError, match=r"The objective sppo reads more.*reference=nesterov"):
        check_differences(build("sppo"), "extrapolated")


def test_an_extrapolated_reference_scores_between_and_beyond_two_models() -> None:
    rule = build_reference_update("extrapolated", 0.5)
    first, second = (torch.nn.Linear(1, 1, bias=False) for _ in range(2))
    rule.behind = torch.nn.Linear(1, 1, bias=False)
    for module, value in ((first, 5.0), (second, 2.0), (rule.behind, 1.0)):
        torch.nn.init.constant_(module.weight, value)
    rule.advance(first, second)
    assert (first.weight.item(), second.weight.item(), rule.behind.weight.item()) == (5.0, 5.0, 2.0)


def rollout(
    scores: list[float], table: list[list[float]] | None = None, by: list[str] | None = None, earlier: Any = ()
) -> Rollout:
    answers = tuple(Response(f"r{place}", (10 + place, 2), True) for place in range(len(scores)))
    return Rollout(
        source=Source("p", 1),
        prompt="p",
        prompt_ids=(1, 5),
        responses=answers,
        scores=tuple(scores),
        demonstration=(9, 2),
        probabilities=tuple(map(tuple, table or [])),
        drawn_by=tuple(by or ()),
        earlier_scores=tuple(earlier),
    )


def ids(chosen: Any) -> list[tuple[int, ...]]:
    """For each example the first token of each of its responses."""
    return [tuple(view[0].response[0] for view in views.values()) for _rollout, views, _fields in chosen]


TABLE = [[0.5, 0.9, 0.2], [0.1, 0.5, 0.5], [0.8, 0.5, 0.5]]


def test_a_duel_orders_by_comparison_and_not_by_score() -> None:
    one = rollout([3.0, 2.0, 1.0], TABLE)
    assert ids(build_pairing("duel").choose([one])) == [(10, 11), (12, 10)]
    assert ids(build_pairing("duel", ties=True).choose([one])) == [(10, 11), (12, 10), (11, 12)]
    [first, *_] = build_pairing("duel").choose([one])
    assert first[2]["chosen_win_rate"] == pytest.approx((0.9 + 0.2) / 2)
    assert first[2]["preference_probability"] == 0.9 and first[2]["chosen_from_reference"] == 0.0


def test_opponents_meet_across_or_among_themselves_with_win_rates_against_the_policy() -> None:
    one = rollout([0.0] * 3, TABLE, ["policy", "checkpoint", "checkpoint"])
    across = list(build_pairing("duel", between="across").choose([one]))
    assert ids(across) == [(10, 11), (12, 10)]
    assert [each[2]["chosen_from_reference"] for each in across] == [0.0, 1.0]
    [among] = build_pairing("duel", between="opponent", rivals="policy", ties=True).choose([one])
    assert (among[2]["chosen_win_rate"], among[2]["rejected_win_rate"]) == (0.1, 0.8)


def test_win_rates_among_ones_own_average_to_a_half_and_cycles_give_none_an_advantage() -> None:
    [(_rollout, _views, fields)] = build_pairing("win_rate", baseline="others").choose([rollout([0.0] * 3, TABLE)])
    assert sum(fields["scores"]) == pytest.approx(1.5) and sum(fields["advantage"]) == pytest.approx(0.0)
    cycle = [[0.5, 1.0, 0.0], [0.0, 0.5, 1.0], [1.0, 0.0, 0.5]]
    [(_rollout, _views, none)] = build_pairing("win_rate").choose([rollout([0.0] * 3, cycle)])
    assert none["advantage"] == [0.0] * 3
    against = rollout([0.0] * 3, TABLE, ["policy", "policy", "mixture"])
    [(_rollout, views, fields)] = build_pairing("win_rate", rivals="opponent").choose([against])
    assert fields["advantage"] == pytest.approx([-0.3, 0.0]) and len(views["responses"]) == 2


@pytest.mark.parametrize("count", range(2, 12))
def test_a_tournament_finds_the_extremes_with_few_comparisons(count: int) -> None:
    strength = [(7 * place + 3) % count + place / 100 for place in range(count)]
    asked: list[tuple[int, int]] = []

    def beats(first: int, second: int) -> float:
        asked.append((first, second))
        return float(strength[first] > strength[second])

    bracket = knock_out(count, beats)
    assert bracket is not None
    assert (bracket.best, bracket.worst) == (strength.index(max(strength)), strength.index(min(strength)))
    assert len(asked) == len(set(asked)) <= 3 * count // 2
    assert count != 8 or len(asked) == 11


def test_a_tournament_asks_for_its_comparisons_alone_and_one_candidate_gives_no_pair() -> None:
    pairing = build_pairing("tournament")
    table = pairing.ask(8, lambda i, j: 1.0 if i < j else 0.0)
    assert table is not None
    known = sum(not math.isnan(each) for row in table for each in row)
    assert known == 8 + 2 * 11
    assert ids(pairing.choose([rollout([0.0] * 8, [list(row) for row in table])])) == [(10, 17)]
    alone = pairing.ask(1, lambda i, j: 1.0)
    assert alone == [(0.5,)] and list(pairing.choose([rollout([0.0], [[0.5]])])) == []
    # Where the best does not beat the worst there is nothing to learn.
    assert list(pairing.choose([rollout([0.0] * 2, [[0.5, 0.5], [0.5, 0.5]])])) == []


def test_labels_are_as_sure_as_two_rankings_agree() -> None:
    same = rollout([1.0, 2.0, 3.0], earlier=[0.1, 0.2, 0.3])
    turned = rollout([1.0, 2.0, 3.0], earlier=[0.3, 0.2, 0.1])
    unknown = rollout([1.0, 2.0, 3.0])
    sure = [
        each[2]["probability"] for each in build_pairing("consistent", strategy="dyn").choose([same, turned, unknown])
    ]
    assert sure == [1.0, 0.0, 0.5]
    mean = [each[2]["probability"] for each in build_pairing("consistent").choose([same, turned])]
    assert mean == [0.5, 0.5]


def test_a_curated_choice_follows_the_softmax_and_repeats() -> None:
    kept = {temperature: ids(build_pairing("curated", temperature=temperature).choose([rollout([0.0, 5.0, 1.0])]))
            for temperature in (1e-3, 1.0)}  # fmt: skip
    assert kept[1e-3] == [(11,)]
    counts = [0, 0]
    for seed in range(400):
        [(place,)] = ids(build_pairing("curated", seed=seed).choose([rollout([0.0, math.log(3)])]))
        counts[place - 10] += 1
    assert 0.68 < counts[1] / 400 < 0.82
    again = [ids(build_pairing("curated", seed=7).choose([rollout([0.0, 1.0])])) for _ in range(2)]
    assert again[0] == again[1]


def test_a_teacher_meets_every_student_above_the_floor() -> None:
    by = ["policy", "policy", "record"]
    one = rollout([2.0, 5.0, 6.0], by=by)
    assert ids(build_pairing("student_teacher", margin=1.0).choose([one])) == [(11, 10), (12, 10), (12, 11)]
    assert ids(build_pairing("student_teacher", margin=2.0, floor=6.0).choose([one])) == [(12, 10)]
    # A prompt without teacher keeps the student's own pair.
    assert ids(build_pairing("student_teacher").choose([rollout([2.0, 5.0])])) == [(11, 10)]


def test_a_complaint_is_shown_to_the_sampler_and_never_trained_on(online: Run, tmp_path: Path) -> None:
    done = online("drift", **keys_of("drift", tmp_path))
    [first, *_] = (
        [Rollout.from_json(each) for each in json.loads((done.folder / "rounds/00000/rollouts.json").read_text())]
        if (done.folder / "rounds/00000/rollouts.json").exists()
        else [Rollout.from_json(each) for each in json.loads((done.folder / "rounds/00001/rollouts.json").read_text())]
    )
    assert "Not that" not in str(first.prompt)
    assert metrics(done.folder)[1]["loss"] == pytest.approx(math.log(2), abs=1e-3)
    told = {"complaint": "Not that."}
    record = Demonstration(prompt="Say hi. Not that.", completion=" no", fields=told)
    with pytest.raises(DataError, match=r"The prompt holds the complaint 'Not that\.'"):
        Revision().question(record)
    with pytest.raises(DataError, match="A revision needs a reply and what was said of it"):
        Revision().question(Demonstration(prompt="Say hi.", completion=" no"))
    asked = Revision().question(
        Comparison(prompt=[{"role": "user", "content": "Hi"}], chosen="a", rejected="b", fields=told)
    )
    assert [turn["role"] for turn in asked] == ["user", "assistant", "user"]  # type: ignore[index]
    assert asked[1]["content"] == "b" and "Not that." in asked[2]["content"]  # type: ignore[index]


def test_the_policy_judges_by_its_likelihood_at_first_and_by_its_implicit_reward_later(
    online: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.rewards.policy_judge import PolicyJudge

    seen: list[tuple[list[float], list[float]]] = []
    original = PolicyJudge.score_earlier

    def watched(self: Any, prompt: Any, responses: Any) -> list[float]:
        earlier = original(self, prompt, responses)
        seen.append((self.score(prompt, responses), earlier))
        return earlier

    monkeypatch.setattr(PolicyJudge, "score_earlier", watched)
    online(method="cream", judge={"name": "policy"}, iterations=2, batch_size=8, optimizer_state="keep")
    first, second = seen[:8], seen[8:16]
    assert all(now == before and max(now) < 0 for now, before in first), "one model, so one ranking"
    assert any(now != before for now, before in second)
    with pytest.raises(ConfigurationError, match="has no policy to ask"):
        PolicyJudge().score("p", ["a"])


def test_an_opponent_is_drawn_from_its_own_model(online: Run) -> None:
    far = {"learning_rate": 3e-2, "iterations": 2, "batch_size": 8, "temperature": 1.0, "samples_per_prompt": 2}
    keys = {"pairing": {"name": "duel", "between": "across"}, "objective": {"name": "xpo", "alpha": 0.1}, **far}
    judge = {"samples": 2}
    drawn: dict[str, list[list[str]]] = {}
    opponents: dict[str, dict[str, Any]] = {
        "policy": {"name": "mixture", "share": 0.0, **judge},
        "reference": {"name": "mixture", "share": 1.0, **judge},
        "checkpoint": {"name": "checkpoint", **judge},
    }
    for name, opponent in opponents.items():
        done = online(f"against-{name}", opponent=opponent, **keys)
        last = sorted((done.folder / "rounds").iterdir())[0] / "rollouts.json"
        found = [Rollout.from_json(each) for each in json.loads(last.read_text())]
        assert all(each.writers == ("policy", "policy", opponent["name"], opponent["name"]) for each in found)
        drawn[name] = [[one.text for one in each.responses[2:]] for each in found]
    # In the first round all three are one model, and they share a seed.
    assert drawn["policy"] == drawn["reference"] == drawn["checkpoint"]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"opponent": "mixtur"}, "Did you mean 'mixture'"),
        ({"opponent": {"name": "mixture", "shar": 0.5}}, "Did you mean 'share'"),
        ({"opponent": {"name": "checkpoint", "checkpoint": "last"}}, "'checkpoint' is 'last'"),
        ({"asking": "revisions"}, "Did you mean 'revision'"),
        ({"step_rule": "extragradiant"}, "step_rule"),
        ({"asking": "revision"}, "A revision needs a reply"),
        ({"opponent": "record"}, "The opponent 'record' needs a demonstration"),
    ],
)
def test_a_wrong_choice_is_an_error_that_names_it(keys: dict[str, Any], told: str, online: Run) -> None:
    with pytest.raises((ConfigurationError, DataError), match=told):
        online("wrong", **keys)


def test_comparisons_from_a_function_and_from_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "biased_judge.py").write_text(
        "def prefers(prompt, first, second):\n    return 0.9 if len(first) >= len(second) else 0.3\n"
    )
    judge = build_judge({"name": "preference_function", "path": "biased_judge.py:prefers"}, [])
    assert judge is not None
    table = judge.compare("p", ["long", "no"])
    wanted = torch.tensor([[0.5, 0.8], [0.2, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(table, wanted, msg="both orders, averaged")
    assert judge.score("p", ["long", "no"]) == pytest.approx([0.65, 0.35])
    words = {
        "responses": ["rock", "paper", "scissors"],
        "probabilities": [[0.5, 0.0, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]],
    }
    (tmp_path / "game.json").write_text(json.dumps(words))
    game = build_judge({"name": "preference_table", "file": "game.json"}, [])
    assert game is not None
    assert game.compare("p", ["paper", " rock"]).tolist() == [[0.5, 1.0], [0.0, 0.5]]
    assert math.isnan(game.score("p", ["paper", "well"])[1]) and game.score("p", ["paper", "well"])[0] == 0.5
    words = {**words, "probabilities": [[0.5, 0.2, 1.0], [1.0, 0.5, 0.0], [0.0, 1.0, 0.5]]}
    (tmp_path / "game.json").write_text(json.dumps(words))
    with pytest.raises(ConfigurationError, match=r"says 0.2 for 'rock' over 'paper' and 1.0 for the reverse"):
        build_judge({"name": "preference_table", "file": "game.json"}, [])
    with pytest.raises(ConfigurationError, match="cannot be read"):
        build_judge({"name": "preference_table", "file": "absent.json"}, [])


def test_a_judge_whose_comparisons_do_not_add_up_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from penchant.rewards.judge import Judge
    from penchant.rewards.scores import compared

    judge = build_judge({"name": "verifier"}, [])
    assert judge is not None
    monkeypatch.setattr(Judge, "compare", lambda self, prompt, responses: torch.full((2, 2), 0.6))
    with pytest.raises(ConfigurationError, match="P_ij and P_ji whose sum is not 1"):
        compared(judge, Demonstration(prompt="p", completion="c"), ["a", "b"])
