"""The sampler `file`: the responses of the records instead of samples, and what may be trained on them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from online.conftest import Run
from penchant.errors import ConfigurationError, DataError
from penchant.online.rollouts import Rollout
from small_runs import losses, pairs, write_pairs

#: A recipe that asks no judge, and one round.
NFT: dict[str, Any] = {"method": "nft", "sampler": "file", "iterations": 1, "objective": {"token_normalizer": 10.0}}


def solved(**of_responses: Any) -> list[dict[str, Any]]:
    """Rankings of three responses by two writers; of the reward, those with more "red" are better."""
    rows = []
    for row in pairs(12):
        texts = [row["chosen"], " the red car is red and red", row["rejected"]]
        told = [{"text": text, "model": name} for text, name in zip(texts, ("small", "large", "small"), strict=True)]
        responses = [{**each, **{key: values[place] for key, values in of_responses.items()}}
                     for place, each in enumerate(told)]  # fmt: skip
        rows.append({"prompt": row["prompt"], "responses": responses, "scores": [0.0, 1.0, 0.0]})
    return rows


def sampled(folder: Path, number: int = 1) -> list[Rollout]:
    kept = json.loads((folder / f"rounds/0000{number}/rollouts.json").read_text())
    return [Rollout.from_json(each) for each in kept]


def test_the_responses_of_the_records_are_trained_on_and_nothing_is_generated(
    online: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from penchant.generation.in_process import InProcessEngine

    data = write_pairs(tmp_path / "solved.jsonl", solved())
    calls: list[int] = []
    original = InProcessEngine.sample

    def counted(self: Any, prompts: Any, sampling: Any, *, seed: int) -> Any:
        calls.append(len(prompts))
        return original(self, prompts, sampling, seed=seed)

    monkeypatch.setattr(InProcessEngine, "sample", counted)
    keys = {**NFT, "judge": {"name": "verifier", "rule": "contains"}, "data": str(data), "max_new_tokens": 20}
    rows = [{**row, "answer": "red and red"} for row in solved()]
    write_pairs(data, rows)
    done = online(**keys)
    assert sum(calls) == 2 * 4, "the held-out prompts are answered before and after, the others never"
    for rollout in sampled(done.folder):
        assert [each.text for each in rollout.responses] == [each["text"] for each in _row(rows, rollout)["responses"]]
        assert rollout.scores == (0.0, 1.0, 0.0) and all(each.finished for each in rollout.responses)
        assert rollout.settings["sampler"]["name"] == "file" and rollout.facts == {"cut": 0.0}
    assert done.summary["steps"] > 0


def _row(rows: list[dict[str, Any]], rollout: Rollout) -> dict[str, Any]:
    return rows[rollout.source.line - 1]


def test_long_responses_are_cut_as_sampling_would_cut_them_and_few_are_taken(online: Run, tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "solved.jsonl", solved())
    done = online(method="rejection-sampling", sampler="file", data=str(data), iterations=1, samples_per_prompt=2)
    found = sampled(done.folder)
    assert {len(each.responses) for each in found} == {2}
    long = [each.responses[1] for each in found]
    assert all(len(each.ids) == 6 and not each.finished and each.text == "the red car is red and" for each in long)
    assert all(each.facts["cut"] in (0.5, 1.0) for each in found)


def test_a_teacher_is_told_from_its_students(online: Run, tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "solved.jsonl", solved())
    keys = {"method": "dno-prct", "sampler": {"name": "file", "teacher": "large"}, "opponent": "none"}
    small = {"max_new_tokens": 20, "iterations": 1, "pairing": {"name": "student_teacher", "margin": 0.5}}
    done = online(data=str(data), **keys, **small)
    found = sampled(done.folder)
    assert all(each.drawn_by == ("policy", "teacher", "policy") for each in found)
    with pytest.raises(DataError, match=r"No response was written by 'huge'.*The data name large, small"):
        online("unknown", data=str(data), **{**keys, "sampler": {"name": "file", "teacher": "huge"}})


def test_prompts_without_the_teachers_response_keep_their_students_pair(online: Run, tmp_path: Path) -> None:
    rows = solved()
    for row in rows[::2]:
        row["responses"] = [each for each in row["responses"] if each["model"] != "large"]
        row["scores"] = [0.0, 0.0]
    keys = {"method": "dno-prct", "sampler": {"name": "file", "teacher": "large"}, "opponent": "none"}
    small = {"max_new_tokens": 20, "iterations": 1, "pairing": {"name": "student_teacher", "margin": 0.0}}
    done = online(data=str(write_pairs(tmp_path / "some.jsonl", rows)), **keys, **small, prompts_per_iteration=12)
    by_source = {each.source.line: each.writers for each in sampled(done.folder)}
    assert len(by_source) == 12, "no prompt is lost"
    taught = {line for line, writers in by_source.items() if "teacher" in writers}
    assert taught == {line for line in by_source if line % 2 == 0}
    assert done.summary["examples"] >= 12 and losses(done.folder)


def test_policy_gradients_are_refused_or_corrected_by_the_log_probabilities_of_the_data(
    online: Run, tmp_path: Path
) -> None:
    data = write_pairs(tmp_path / "solved.jsonl", solved())
    keys: dict[str, Any] = {"method": "grpo", "sampler": "file", "data": str(data), "iterations": 1}
    with pytest.raises(ConfigurationError, match=r"'file' does not draw from the policy's own.*staleness=token"):
        online("refused", **keys)
    with pytest.raises(DataError, match=r"solved.jsonl:1: Response 1 .* does not say under which log-probabilities"):
        online("lacking", staleness="token", **keys)
    with pytest.raises(ConfigurationError, match=r"'returns' compares with greedy decoding"):
        online("greedy", **{**keys, "method": "remax", "staleness": "token"})
    ids = [[10, 5, 2], [4, 4, 4, 2], [11, 2]]
    traced = solved(token_ids=ids, logps=[[-3.0] * 3, [-4.0] * 4, [-0.1] * 2])
    write_pairs(data, traced)
    done = online("corrected", staleness="sequence", samples_per_prompt=3, batch_size=8, **keys)
    for rollout in sampled(done.folder):
        assert [list(each.ids) for each in rollout.responses] == ids, "the tokens are those of the data"
        for own, policy, mu in zip(rollout.weights, rollout.old_logps, (-3.0, -4.0, -0.1), strict=True):
            assert own[0] == pytest.approx(min(2.0, math.exp(sum(policy) - mu * len(policy))), rel=1e-5)
    assert losses(done.folder)


def test_records_without_responses_are_named(online: Run) -> None:
    with pytest.raises(DataError, match=r"prompts.jsonl:1: The sampler 'file' takes the responses .* this prompt has"):
        online(method="rejection-sampling", sampler="file")
