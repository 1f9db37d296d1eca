"""Positive-unlabelled distillation: a teacher's one answer a prompt, and a student that ranks its own samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from online.conftest import Run
from online.test_judged_runs import rounds_of
from penchant.errors import DataError
from penchant.feedback.records import Source
from penchant.generation import Response
from penchant.online import build_pairing, make_online_recipe
from penchant.online.rollouts import Rollout
from small_runs import losses, metrics, pairs, write_pairs

closeness = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def advantages(u: list[float]) -> list[float]:
    keys = make_online_recipe({"method": "pu-distill", "model": "m", "data": "d"}).pairing
    pairing = build_pairing(keys["name"], **{name: value for name, value in keys.items() if name != "name"})
    answers = tuple(Response(f"r{place}", (10 + place, 2), True) for place in range(len(u)))
    [(_rollout, _views, fields)] = pairing.choose([Rollout(Source("p", 1), "p", (1, 5), answers, tuple(u))])
    return fields["advantage"]  # type: ignore[no-any-return]


@given(closeness)
def test_a_higher_verdict_never_gets_a_smaller_advantage(u: list[float]) -> None:
    found = advantages(u)
    assert sum(found) == pytest.approx(0.0, abs=1e-9)
    for first, one in zip(u, found, strict=True):
        assert all(one >= other - 1e-12 for second, other in zip(u, found, strict=True) if first >= second)


@given(st.floats(0, 1), st.integers(1, 6))
def test_equal_verdicts_give_no_update(u: float, count: int) -> None:
    assert advantages([u] * count) == pytest.approx([0.0] * count, abs=1e-12)


@given(closeness, st.floats(0.05, 2))
def test_the_target_is_a_softmax_over_the_samples(u: list[float], tau: float) -> None:
    found = build_pairing("group", baseline="list", tau=tau)
    answers = tuple(Response(f"r{place}", (10 + place, 2), True) for place in range(len(u)))
    [(_rollout, _views, fields)] = found.choose([Rollout(Source("p", 1), "p", (1, 5), answers, tuple(u))])
    target = torch.tensor(u, dtype=torch.float64).div(tau).softmax(0) - 1 / len(u)
    assert fields["advantage"] == pytest.approx(target.tolist())


@pytest.fixture
def anchors(tmp_path: Path) -> dict[str, Any]:
    """The teacher's answers, and a judge that needs no words that the tiny model lacks."""
    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs(12)]
    data = str(write_pairs(tmp_path / "anchors.jsonl", rows))
    small = {"samples_per_prompt": 4, "iterations": 1, "batch_size": 8, "max_new_tokens": 6}
    return {"data": data, "judge": {"name": "closeness", "measure": "words"}, **small}


def test_pairs_set_the_teachers_answer_against_the_worst_sample(online: Run, anchors: dict[str, Any]) -> None:
    done = online(method="pu-distill-pairs", **anchors)
    for each in rounds_of(done.folder)[0]:
        assert each.writers == ("policy",) * 4 + ("record",), "one answer of the teacher"
        assert each.scores[4] == 1.0 == max(each.scores)
        assert each.responses[4].ids == each.demonstration
    assert metrics(done.folder)[1]["sampled/examples"] == 8 and len(losses(done.folder)) == 1


def test_a_list_of_samples_without_a_difference_is_not_trained_on(
    online: Run, anchors: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.rewards.given.closeness import Closeness

    monkeypatch.setattr(Closeness, "_closeness", lambda self, response, answer: 0.5)
    assert online(method="pu-distill", **anchors).summary["steps"] == 0


@pytest.mark.parametrize("method", ["pu-distill", "pu-distill-pairs"])
def test_a_prompt_without_the_teachers_answer_is_refused_with_its_line(
    method: str, online: Run, anchors: dict[str, Any], tmp_path: Path
) -> None:
    rows = [{"prompt": row["prompt"], "completion": row["chosen"]} for row in pairs(3)]
    lacking = write_pairs(tmp_path / "lacking.jsonl", [*rows[:2], {"prompt": "which colour"}])
    with pytest.raises(DataError, match=r"lacking.jsonl:3"):
        online(method=method, **{**anchors, "data": str(lacking)})
