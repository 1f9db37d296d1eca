"""Real conversations of two turns: the second turn, and how it was judged, as what follows the first answer (RLHS)."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from online.test_real_dialogues import read, run, sampled
from penchant.rendering.tokenizer import load_tokenizer
from small_runs import losses, metrics, write_pairs

#: The functions that the recipe names: what follows an answer, and how a judge rated the answer or what followed.
WORLD = '''
"""Second turns of MT-bench as what follows a first answer, and GPT-4's ratings of both."""

import json
from pathlib import Path

TALKS = json.loads(Path(__file__).with_name("talks.json").read_text(encoding="utf-8"))


def plain(text):
    return "".join(each for each in text if each.isalnum())


def talk(prompt, answer):
    """The conversation whose first answer begins like this one; None for an answer that the policy wrote."""
    found = [each for each in TALKS[prompt] if plain(each["first"]).startswith(plain(answer))]
    return found[0] if len(found) == 1 else None


def follows(prompt, response, record):
    found = talk(prompt, response)
    return [found["asked"], found["second"]] if found else []


def rated(prompt, response):
    answer, *later = response.split("\\n" + TALKS[prompt][0]["asked"])
    found = talk(prompt, answer)
    return float(found["ratings"][bool(later)]) if found else 0.0  # nobody rated what the policy wrote
'''


def talks(shared: Path) -> dict[str, list[dict[str, Any]]]:
    """By first question the conversations of all models about it, where the small model can read it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in read(shared, "mt_bench_scores"):
        asked, first, again, second = (each["content"] for each in row["messages"])
        if len(asked) <= 300 and row["score_turn_1"] > 0 and row["score_turn_2"] > 0:
            ratings = [row["score_turn_1"], row["score_turn_2"]]
            talk = {"first": first, "asked": again, "second": second, "ratings": ratings, "model": row["model"]}
            found.setdefault(asked, []).append(talk)
    return {asked: several for asked, several in found.items() if apart([each["first"] for each in several])}


def apart(answers: list[str]) -> bool:
    """Whether answers can be told apart by their first words, which is all that the small model takes."""
    return len(answers) > 1 and len({"".join(filter(str.isalnum, each))[:60] for each in answers}) == len(answers)


def turned(several: list[dict[str, Any]]) -> float | None:
    """The share of pairs that the second rating orders otherwise, of those that the first one orders."""
    gaps = [[one["ratings"][at] - other["ratings"][at] for at in (0, 1)] for one, other in combinations(several, 2)]
    ordered = [first * second < 0 for first, second in gaps if first]
    return fmean(ordered) if ordered else None


def test_second_turns_are_judged_and_neither_read_nor_trained(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = talks(shared)
    (tmp_path / "world.py").write_text(WORLD, encoding="utf-8")
    (tmp_path / "talks.json").write_text(json.dumps(known), encoding="utf-8")
    rows = [
        {"prompt": asked, "completions": [each["first"] for each in several], "scores": [0.0] * len(several)}
        for asked, several in known.items()
    ]
    world = str(tmp_path / "world.py")
    judge = {
        "name": "hindsight",
        "inner": {"name": "function", "path": f"{world}:rated"},
        "simulator": {"name": "function", "path": f"{world}:follows"},
        "turns": 2,
    }
    keys: dict[str, Any] = {
        "sampler": "file",
        "samples_per_prompt": 4,
        "max_new_tokens": 64,
        "prompts_per_iteration": len(rows),
    }
    keys |= {"epochs": 4, "learning_rate": 2e-4}
    data = write_pairs(tmp_path / "first_turns.jsonl", rows)
    done = run(shared, data, tmp_path / "run", method="rlhs", judge=judge, **keys)
    found, tokenizer = sampled(done), load_tokenizer(str(shared / "models" / "tinystories-260k"))
    best: dict[str, list[float]] = {"foresight": [], "hindsight": []}
    for each in found:
        several = known[str(each.prompt)]
        assert list(each.scores) == [float(talk["ratings"][1]) for talk in several]
        assert list(each.parts["foresight"]) == [float(talk["ratings"][0]) for talk in several]
        for name, scores in (("foresight", each.parts["foresight"]), ("hindsight", each.scores)):
            best[name].append(several[max(range(len(several)), key=lambda place: scores[place])]["ratings"][1])
        trained = [tokenizer.decode([*each.prompt_ids, *response.ids]) for response in each.responses]
        assert not any(several[0]["asked"][:40] in text for text in trained), "the policy neither reads nor learns it"
    shares = [share for several in known.values() if (share := turned(several)) is not None]
    [row] = [each for each in metrics(done.folder).values() if "sampled/flips" in each]
    assert row["sampled/flips"] == pytest.approx(fmean(shares))
    foresight, hindsight = fmean(best["foresight"]), fmean(best["hindsight"])
    steps = losses(done.folder)
    with capsys.disabled():
        print(
            f"\nmt_bench_scores: {sum(map(len, known.values()))} first answers to {len(known)} questions; the second "
            f"turn reverses {fmean(shares):.1%} of the pairs that the first one orders; rating of the second turn of "
            f"the preferred answer: {foresight:.2f} by foresight, {hindsight:.2f} in hindsight; DPO's loss "
            f"{steps[0]:.3f} to {steps[-1]:.3f} in {len(steps)} steps"
        )
    assert len(known) >= 25 and 0 < fmean(shares) < 0.5 and hindsight > foresight and steps[-1] < steps[0]
