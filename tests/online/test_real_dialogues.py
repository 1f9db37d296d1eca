"""Real dialogues: replies that drew complaints (DRIFT), critiques as complaints, and roll-ins from chosen replies."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from penchant.errors import DataError
from penchant.feedback.records import Demonstration
from penchant.online import make_online_recipe, run_online
from penchant.online.asking import Revision
from penchant.online.rollouts import Rollout
from penchant.rendering.tokenizer import load_tokenizer
from penchant.training.run import Result
from small_judges import JUDGES
from small_runs import losses, write_pairs

Row = dict[str, Any]
#: Words with which users say that a reply is not what they asked for.
COMPLAINS = re.compile(
    r"\b(not what i|didn.?t (answer|ask|say)|doesn.?t (answer|help)|that.s not|that is not|these do not|"
    r"don.?t (help|understand)|you.re not (helping|answering)|not (very )?helpful|i (said|asked)|wrong)\b",
    re.IGNORECASE,
)


def read(shared: Path, name: str) -> list[Row]:
    with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def complaints(shared: Path) -> list[Row]:
    """Replies of the assistant that the user's next turn complains about; none too long for the small model."""
    found = []
    for row in read(shared, "hh_harmless"):
        turns = row["prompt"]
        for place in range(2, len(turns), 2):
            before, reply, said = turns[: place - 1], turns[place - 1]["content"], turns[place]["content"]
            short = len(said) <= 120 and len(reply) <= 250 and sum(len(each["content"]) for each in before) <= 350
            if short and len(said) >= 12 and COMPLAINS.search(said):
                found.append({"prompt": before, "completion": reply, "complaint": said})
                break
    return found


def critiques(shared: Path) -> list[Row]:
    """Answers with what a judge wrote of them, cut so that the small model's context holds both."""
    return [
        {"prompt": row["messages"][0]["content"], "completion": f" {answer[:120]}", "complaint": row[critique][:160]}
        for row in read(shared, "mt_bench_scores")
        if len(row["messages"][0]["content"]) <= 150
        for answer, critique in ((row["messages"][1]["content"], "critique_turn_1"),)
    ]


def run(shared: Path, data: Path, output: Path, **changed: Any) -> Result:
    keys: Row = {
        "model": str(shared / "models" / "tinystories-260k"),
        "data": str(data),
        "output": str(output),
        "iterations": 1,
        "prompts_per_iteration": 16,
        "batch_size": 8,
        "max_new_tokens": 16,
        "learning_rate": 1e-3,
        "samples": 0,
        "eval_limit": 2,
    }
    return run_online(make_online_recipe({**keys, **changed}))


def sampled(done: Result) -> list[Rollout]:
    return [Rollout.from_json(each) for each in json.loads((done.folder / "rounds/00001/rollouts.json").read_text())]


@pytest.mark.parametrize(("source", "least"), [("hh_harmless", 16), ("mt_bench_scores", 60)])
def test_what_users_or_judges_say_of_a_reply_is_read_and_not_trained(
    source: str, least: int, shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = complaints(shared) if source == "hh_harmless" else critiques(shared)
    data = write_pairs(tmp_path / "complaints.jsonl", rows)
    template = {"chat_template": "plain"} if source == "hh_harmless" else {}
    done = run(shared, data, tmp_path / "run", method="drift", batch_size=4, **template)
    found, tokenizer = sampled(done), load_tokenizer(str(shared / "models" / "tinystories-260k"))
    for each in found:
        row = rows[each.source.line - 1]
        trained = tokenizer.decode(each.prompt_ids)
        asked = Revision().question(Demonstration(**{key: row[key] for key in ("prompt", "completion")},
                                                  fields={"complaint": row["complaint"]}))  # fmt: skip
        assert row["complaint"].strip() not in trained and row["complaint"].strip() in str(asked)
        assert tokenizer.decode(each.demonstration, skip_special_tokens=True).strip()[:20] in row["completion"]
    with capsys.disabled():
        steps = [round(each, 3) for each in losses(done.folder)]
        print(f"\n{source}: {len(rows)} complaints; DRIFT's loss by step {steps}")
    assert len(rows) >= least and len(losses(done.folder)) == 4 and losses(done.folder)[-1] < losses(done.folder)[0]


def test_a_complaint_that_the_prompt_holds_is_refused_before_a_model_is_loaded(shared: Path, tmp_path: Path) -> None:
    rows = complaints(shared)
    rows[3]["prompt"] = [*rows[3]["prompt"], {"role": "user", "content": f"And: {rows[3]['complaint']}"}]
    data = write_pairs(tmp_path / "leaking.jsonl", rows)
    with pytest.raises(DataError, match=r"leaking.jsonl:4: The prompt holds the complaint .* is trained on"):
        run(shared, data, tmp_path / "run", method="drift", chat_template="plain")
    assert not (tmp_path / "run").exists()


def test_samples_begin_with_parts_of_chosen_replies(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {key: row[key] for key in ("prompt", "chosen", "rejected")}
        for row in read(shared, "hh_harmless")
        if sum(len(each["content"]) for each in row["prompt"]) <= 250 and 20 <= len(row["chosen"]) <= 120
    ][:24]
    data = write_pairs(tmp_path / "pairs.jsonl", rows)
    judge = {"name": "function", "path": f"{JUDGES}:varied"}
    done = run(shared, data, tmp_path / "run", method="dr-po", judge=judge, chat_template="plain", epochs=1)
    begun = []
    for each in sampled(done):
        for response, old in zip(each.responses, each.old_logps, strict=True):
            assert response.learned is not None
            given = response.learned.index(True)
            assert response.ids[:given] == each.demonstration[:given] and given < len(each.demonstration)
            assert len(old) == len(response.ids) - given, "the policy learns from what it wrote itself alone"
            begun.append(given / len(each.demonstration))
    with capsys.disabled():
        print(f"\nhh_harmless: {len(begun)} roll-ins, {sum(begun) / len(begun):.2f} of the chosen reply on average")
    assert 0.2 < sum(begun) / len(begun) < 0.8 and losses(done.folder)
