"""Corrections of the first wrong step: where it is, what is chosen, and that both sides follow the same text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import penchant
from penchant.curation import step_corrections
from penchant.curation.kept_samples import sampling_engine
from penchant.curation.rows import Built
from penchant.curation.step_corrections import Begun, ContinuingEngine, StepCorrections
from penchant.errors import DataError, PenchantError
from penchant.feedback import read
from penchant.generation.responses import Response, Sampling
from small_runs import losses, model_folder

SETTINGS = {"chat_template": None, "longest_prompt": None, "batch_size": 8, "device": "cpu"}
WRONG = "2 + 2 = 4\n4 + 1 = 6\nso 6"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(model_folder(tmp_path_factory.mktemp("model") / "llama"))


class Policy:
    """Answers from a table: what follows each beginning."""

    def __init__(self, follows: dict[str, list[str]]) -> None:
        self.follows, self.asked = follows, list[str]()

    def sample(self, prompts: Sequence[Begun], sampling: Sampling, *, seed: int) -> list[list[Response]]:
        self.asked += [each.before for each in prompts]
        return [[Response(text, (), True) for text in self.follows.get(each.before, ["so 0"])] for each in prompts]


Answering = Callable[[dict[str, list[str]]], Policy]


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Answering:
    def use(follows: dict[str, list[str]]) -> Policy:
        made = Policy(follows)
        monkeypatch.setattr(step_corrections, "sampling_engine", lambda *_: made)
        return made

    return use


def problem(**more: Any) -> dict[str, Any]:
    return {"prompt": "2 + 2 + 1?", "answer": "5", "completion": WRONG, **more}


def built(row: dict[str, Any], kind: Any = None, **settings: Any) -> Built:
    return StepCorrections(model="policy", **settings).build(read([row], kind=kind))


FOLLOWS = {
    "": ["2 + 2 = 4\n4 + 1 = 5"],
    "2 + 2 = 4\n": ["4 + 1 = 5\nso 5", "4  + 1 = 5\n5", "1 + 4 = 5", "4 + 1 = 6\nso 5", "so 7"],
}


def test_the_first_wrong_step_is_the_one_after_which_nothing_is_right(policy: Answering) -> None:
    asked = policy(FOLLOWS)
    found = built(problem(id=7))
    assert [(row["steps_before"], row["chosen"], row["rejected"], row["step"]) for row in found.rows] == [
        ("2 + 2 = 4\n", "4 + 1 = 5", "4 + 1 = 6", 1),
        ("2 + 2 = 4\n", "1 + 4 = 5", "4 + 1 = 6", 1),
    ], "equal steps count once, and a step that is the wrong one is no correction"
    assert all(row["id"] == 7 for row in found.rows)
    assert asked.asked == ["", "2 + 2 = 4\n", "2 + 2 = 4\n4 + 1 = 6\n"]


def test_a_step_that_a_judge_named_is_asked_for_alone(policy: Answering) -> None:
    asked = policy(FOLLOWS)
    assert len(built(problem(first_wrong_step=2)).rows) == 2
    assert asked.asked == ["2 + 2 = 4\n"]
    (row,) = built(problem(first_wrong_step=2), most=1).rows
    assert "first_wrong_step" not in row


def test_a_wrong_last_step_needs_no_sample_after_it(policy: Answering) -> None:
    asked = policy({"": ["5"], "2 + 2 = 4\n": ["5"]})
    found = built(problem(completion="2 + 2 = 4\nso 6"))
    assert [(row["chosen"], row["rejected"]) for row in found.rows] == [("5", "so 6")]
    assert asked.asked == ["", "2 + 2 = 4\n"]


def test_right_solutions_and_hopeless_ones_are_counted(policy: Answering) -> None:
    policy({})
    hopeless, solved = built(problem()), built(problem(completion="5"))
    assert hopeless.counts["dropped: no continuation reaches the right answer"] == 1
    assert solved.counts["dropped: no solution of the record is wrong"] == 1
    assert not hopeless.rows and not solved.rows
    repeated = policy({"": [WRONG, "2 + 2 = 4\nso 5"]})
    assert built(problem(completion="2 + 2 = 4")).counts["dropped: all corrections repeat the step"] == 1
    assert repeated.asked == [""]


def test_a_ranking_gives_its_wrong_solutions(policy: Answering) -> None:
    policy(FOLLOWS)
    row = {"prompt": "2 + 2 + 1?", "answer": "5", "completions": ["5", WRONG, "2 + 2 = 4\nso 9"], "scores": [1, 0, 0]}
    assert {each["rejected"] for each in built(row).rows} == {"4 + 1 = 6"}
    assert {each["rejected"] for each in built(row, solutions=2).rows} == {"4 + 1 = 6", "so 9"}


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ({"prompt": "1 + 1?", "answer": "2"}, "prompt", r"memory:1.*has no solution"),
        ({"prompt": "1 + 1?", "completion": "3"}, None, r"memory:1.*no field 'answer'"),
        (problem(first_wrong_step=4), None, r"memory:1.*'first_wrong_step' is .*4.* 1 to 3"),
        (problem(first_wrong_step=True), None, r"memory:1.*'first_wrong_step' is .* 1 to 3"),
    ],
)
def test_what_cannot_be_corrected_is_named_with_its_place(
    row: dict[str, Any], kind: Any, message: str, policy: Answering
) -> None:
    policy({})
    with pytest.raises(DataError) as caught:
        built(row, kind)
    assert re.search(message, str(caught.value), re.DOTALL)


def test_the_model_reads_the_prompt_and_the_steps_before(model: str) -> None:
    engine = sampling_engine({**SETTINGS, "model": model}, ContinuingEngine)
    renderer = engine.renderer
    ids = engine.prompt_ids(Begun("which car", " the hat"))  # type: ignore[arg-type]
    assert ids[: len(renderer.prompt_ids("which car"))] == renderer.prompt_ids("which car")
    assert renderer.decode(ids, skip_special_tokens=True) == "which car the hat"
    assert engine.prompt_ids(Begun("which car", "")) == renderer.prompt_ids("which car")  # type: ignore[arg-type]


# Two words beside each other are right, which the lines of the solution are not.
OPEN = {"answer": r"\w \w", "completion": " the\n hat"}
SAMPLED = {"rule": "regex", "count": 4, "max_new_tokens": 6, "batch_size": 8}


def test_a_stopped_build_goes_on_and_its_pairs_train(model: str, tmp_path: Path) -> None:
    rows = [{"prompt": f"which {each}", **OPEN} for each in ("car", "hat", "dog", "cat", "tree")]
    builder, keep = StepCorrections(model=model, **SAMPLED), tmp_path / "kept.json"
    whole = builder.build(read(rows))

    def stop(done: int, total: int, what: str) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        builder.build_resumably(read(rows), keep, stop)
    calls: list[int] = []
    again = builder.build_resumably(read(rows), keep, lambda done, *_: calls.append(done))
    assert calls == [5] and again.rows == whole.rows and again.counts == whole.counts
    assert {row["steps_before"] for row in again.rows} == {" the\n "}
    recipe = {"batch_size": 4, "max_steps": 4, "learning_rate": 1e-2, "samples": 0, "warmup": 0.0}
    result = penchant.train(model, again.rows, "dpo", tmp_path / "run", **recipe)
    assert losses(result.folder)[-1] < losses(result.folder)[0]


def test_a_rule_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(PenchantError, match="rule"):
        StepCorrections(model="policy", rule="nummer")
