"""``penchant judge``: judgements beside the records of every kind and format, kept on disk, refused in words."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest

from penchant.cli.app import main
from penchant.curation.judged import Journal
from penchant.feedback import read
from small_judges import JUDGES, classifier
from small_runs import word_tokenizer

REDS = f"function,path={JUDGES}:reds"
STRICT = f"function,path={JUDGES}:strict"
KINDS: dict[str, dict[str, Any]] = {
    "comparison": {"prompt": "p", "chosen": "red red", "rejected": "blue"},
    "joint comparison": {"prompt": "p", "chosen": "red", "rejected_prompt": "q", "rejected": "blue"},
    "judgement": {"prompt": "p", "completion": "red", "label": True},
    "ranking": {"prompt": "p", "completions": ["blue", "red", "red red"], "ranks": [3, 2, 1]},
    "demonstration": {"prompt": "p", "completion": "red"},
    "prompt": {"prompt": "p", "responses": ["blue", {"text": "red"}]},
}


BREVITY = """
def brevity(prompt, response):
    with open({log!r}, "a") as log:
        log.write("x")
    return None if response == "no" else -float(len(response))
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PENCHANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def reward_model(tmp_path: Path) -> Path:
    folder = tmp_path / "rm"
    classifier().save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_record_gets_its_scores_and_stays_what_it_was(tmp_path: Path, kind: str) -> None:
    source, out = written(tmp_path / "in.jsonl", [{**KINDS[kind], "id": 7}]), tmp_path / "out.jsonl"
    assert main(["judge", str(source), "--judge", f"{REDS},as=reds", "-o", str(out)]) == 0
    [row] = rows_of(out)
    expected = {"comparison": 2, "joint comparison": 2, "ranking": 3, "prompt": 2}.get(kind, 1)
    assert len(row["scores_reds"]) == expected
    assert {name: value for name, value in row.items() if name != "scores_reds"} == {**KINDS[kind], "id": 7}
    assert read(out, kind=kind).kind == kind


def test_tables_are_read_too_and_judgements_of_several_judges_stand_side_by_side(tmp_path: Path) -> None:
    source = tmp_path / "pairs.csv"
    with open(source, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([["question", "better", "worse"], ["p", "red, red", "blue"]])
    out, again = tmp_path / "out.jsonl", tmp_path / "again.jsonl"
    maps = ["--map", "prompt=question", "--map", "chosen=better", "--map", "rejected=worse"]
    command = ["judge", str(source), *maps, "--judge", REDS, "--judge", STRICT]
    assert main([*command, "-o", str(out)]) == 0
    [row] = rows_of(out)
    assert row["scores_function-2"] == [8.0, 4.0] and len(row["scores_function"]) == 2
    assert main([*command, "--compare", "-o", str(again)]) == 0
    table = rows_of(again)[0]["preferences_function-2"]
    assert table[0][1] == pytest.approx(1 / (1 + math.exp(-4))) and table[1][1] == 0.5
    # Judgements that a file has are kept.
    last = ["judge", str(out), "--judge", f"{STRICT},as=length", "-o", str(again), "--overwrite"]
    assert main(last) == 0
    assert {"scores_function", "scores_function-2", "scores_length"} <= rows_of(again)[0].keys()


def test_parquet_is_read_too(tmp_path: Path) -> None:
    from datasets import Dataset

    Dataset.from_list([KINDS["comparison"]] * 3).to_parquet(tmp_path / "in.parquet")
    out = tmp_path / "out.jsonl"
    assert main(["judge", str(tmp_path / "in.parquet"), "--judge", REDS, "-o", str(out)]) == 0
    assert len(rows_of(out)) == 3


def test_scores_are_combined_over_the_file_and_become_fields(tmp_path: Path) -> None:
    rows = [{"prompt": "p", "chosen": "red " * size, "rejected": "blue"} for size in range(1, 5)]
    source, out = written(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    judges = ["--judge", REDS, "--judge", STRICT]
    how = ["--combine", "ensemble,how=uncertainty,coefficient=0.5,as=both", "--fields", "both"]
    assert main(["judge", str(source), *judges, *how, "-o", str(out)]) == 0
    found = rows_of(out)
    assert [len(row["deviations_both"]) for row in found] == [2] * 4
    import numpy as np

    table = np.array([[row[f"scores_{name}"] for row in found] for name in ("function", "function-2")])
    flat = table.reshape(2, -1)
    z = (flat - flat.mean(1, keepdims=True)) / flat.std(1, keepdims=True)
    expected = (z.mean(0) - 0.5 * z.std(0)).reshape(4, 2)
    given = [[row["chosen_score"], row["rejected_score"]] for row in found]
    np.testing.assert_allclose(given, expected, atol=1e-9)
    assert read(out)[0].fields["chosen_score"] == given[0][0]


def test_judged_samples_become_a_ranking(tmp_path: Path) -> None:
    source, out = written(tmp_path / "in.jsonl", [KINDS["prompt"]]), tmp_path / "out.jsonl"
    assert main(["judge", str(source), "--judge", REDS, "--fields", "function", "-o", str(out)]) == 0
    ranking = read(out)
    assert ranking.kind == "ranking" and ranking[0].responses == ("blue", "red")
    assert ranking[0].scores[1] > ranking[0].scores[0]  # type: ignore[attr-defined]


def test_a_response_without_a_score_is_null_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [KINDS["prompt"], {"prompt": "p", "responses": [" ", "x"]}]
    source, out = written(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    assert main(["judge", str(source), "--judge", STRICT, "--fields", "function", "-o", str(out)]) == 0
    found = rows_of(out)
    assert found[1]["scores_function"] == [None, 1.0] and "scores" not in found[1]
    lines = [line.split("│") for line in capsys.readouterr().err.splitlines() if "without a score" in line]
    assert lines[0][3].strip() == "1"


def test_a_stopped_command_goes_on_from_its_cache(
    tmp_path: Path, reward_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from penchant.curation import judged_file
    from penchant.rewards import RewardModel

    monkeypatch.setattr(judged_file, "TOGETHER", 2)
    rows = [{"prompt": f"which {word}", "chosen": " red", "rejected": " blue"} for word in ("car", "hat", "colour")]
    source, out = written(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl"
    whole, asked = RewardModel._outputs, []

    def stops(self: RewardModel, prompts: Any, responses: Any) -> Any:
        if "which colour" in prompts:
            raise KeyboardInterrupt
        asked.extend(prompts)
        return whole(self, prompts, responses)

    monkeypatch.setattr(RewardModel, "_outputs", stops)
    command = ["judge", str(source), "--judge", str(reward_model), "-o", str(out)]
    assert main(command) == 130 and not out.exists()
    assert "the same command goes on from there" in capsys.readouterr().err
    monkeypatch.setattr(RewardModel, "_outputs", lambda *given: asked.extend(given[1]) or whole(*given))
    assert main(command) == 0 and asked == ["which car", "which hat", "which colour"]
    kept = rows_of(out)
    assert main([*command, "--no-cache", "--overwrite"]) == 0
    for one, two in zip(kept, rows_of(out), strict=True):
        given = [each["scores_reward_model"] for each in (one, two)]
        assert given[0] == pytest.approx(given[1], abs=1e-6)


def test_a_judge_without_a_cache_is_asked_only_for_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"what is {number}", "chosen": f"it is {number}", "rejected": "no"} for number in range(4)]
    file = written(tmp_path / "in.jsonl", rows)
    log = tmp_path / "log"
    (tmp_path / "own.py").write_text(BREVITY.format(log=str(log)))
    line = ["judge", str(file), "--judge", "function,path=own.py:brevity", "-o", "out.jsonl"]
    put = Journal.put

    def put_two(self: Journal, key: str, said: list[object]) -> None:
        put(self, key, said)
        if len(self._known) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "put", put_two)
        assert main(line) == 130
    assert not (tmp_path / "out.jsonl").exists()
    journal = tmp_path / ".out.jsonl.judged.jsonl"
    journal.write_bytes(journal.read_bytes() + b'["half')  # a line that was cut short
    before = len(log.read_text())
    assert main(line) == 0
    assert len(log.read_text()) == 2 * before and not journal.exists()
    assert [row["scores_function"] for row in rows_of(tmp_path / "out.jsonl")] == [[-7.0, None]] * 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--judge", "verifyer"], "There is no judge 'verifyer'. Did you mean 'verifier'"),
        (["--judge", "none"], "The judge 'none' judges nothing"),
        (["--judge", REDS, "--fields", "reds"], "There are no judgements named 'reds'"),
        (["--judge", REDS, "--combine", "ensemble", "--compare"], "gives no scores here"),
        (["--judge", REDS, "--fields", "function", "--compare"], "asks for none"),
        (["--judge", REDS, "--combine", "verifier"], "verifier combines no scores"),
        (["--judge", REDS, "--combine", "weighted,weights=[1,2]"], "1 judges and 2 weights"),
        (["--judge", f"{REDS},as=a", "--judge", f"{STRICT},as=b", "--combine", "ensemble,as=a"], "named 'a'"),
        (["--judge", "verifier"], "no field 'answer'"),
    ],
)
def test_mistakes_are_named_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    source, out = written(tmp_path / "in.jsonl", [KINDS["comparison"]]), tmp_path / "out.jsonl"
    assert main(["judge", str(source), *words, "-o", str(out)]) == 1
    assert said in capsys.readouterr().err and not out.exists()


def test_the_input_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = written(tmp_path / "in.jsonl", [KINDS["comparison"]])
    assert main(["judge", str(source), "--judge", REDS, "-o", str(source), "--overwrite"]) == 1
    assert "a file that this command reads" in capsys.readouterr().err and rows_of(source) == [KINDS["comparison"]]


def test_images_and_records_without_responses_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    Image.new("RGB", (4, 4), "red").save(tmp_path / "b.png")
    pictures = {"prompt": "p", "chosen_image": "a.png", "rejected_image": "b.png"}
    turns = [{"role": "assistant", "content": "x"}, {"role": "tool", "content": "y"}]
    talk = {"prompt": [{"role": "user", "content": "p"}], "completion": [*turns, turns[0]]}
    for row, said in (
        (pictures, "a response is an image"),
        ({"prompt": "p"}, "The record has no responses to judge"),
        (talk, "a conversation of 3 messages"),
    ):
        source = written(tmp_path / "in.jsonl", [row])
        assert main(["judge", str(source), "--judge", REDS, "-o", str(tmp_path / "out.jsonl")]) == 1
        error = capsys.readouterr().err
        assert said in error and "in.jsonl:1" in error


def test_accuracy_by_subset_and_section(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def pair(good: str, bad: str, subset: str) -> dict[str, Any]:
        return {"prompt": "p", "chosen": good, "rejected": bad, "subset": subset}

    rows = [pair("red", "blue", "hep-go")] * 3 + [
        pair("blue", "red", "hep-go"),
        pair("red blue", "blue red", "math-prm"),
    ]
    rows += [pair("red", "blue", "donotanswer"), pair("red", "blue", "of one's own")]
    file, figures = written(tmp_path / "bench.jsonl", rows), tmp_path / "figures.json"
    words = ["judge", str(file), "--judge", REDS, "--sections", "reward-bench", "--json", str(figures)]
    assert main([*words, "-o", str(tmp_path / "out.jsonl")]) == 0
    found = json.loads(figures.read_text())["function"]["subsets"]
    assert {name: each["value"] for name, each in found["accuracy"].items()} == {
        "hep-go": 0.75, "math-prm": 0.0, "donotanswer": 1.0, "of one's own": 1.0,
    }  # fmt: skip
    reasoning = 0.75 * 4 / (4 + 984)
    assert found["sections"] == pytest.approx({"Safety": 1.0, "Reasoning": reasoning})
    assert found["overall"] == pytest.approx((1 + reasoning) / 2)
    assert "section Reasoning" in capsys.readouterr().err
    own = tmp_path / "own.yaml"
    own.write_text("code: [hep-go, math-prm]\n")
    words[5] = str(own)
    assert main([*words, "-o", str(tmp_path / "out.jsonl"), "--overwrite"]) == 0
    assert json.loads(figures.read_text())["function"]["subsets"]["sections"] == pytest.approx({"code": 0.6})


def test_several_right_responses_have_their_own_score(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": "tied:1", "chosen": ["red red", "red red"], "rejected": ["blue"], "subset": "Ties"},
        {"id": "ref:1", "chosen": ["red"], "rejected": ["blue", "blue"], "subset": "Ties"},
        {"id": "x", "chosen": ["red"], "rejected": ["red", "blue"], "subset": "Focus"},
    ]
    file, figures = written(tmp_path / "b.jsonl", [{"prompt": "p", **row} for row in rows]), tmp_path / "f.json"
    words = ["judge", str(file), "--judge", REDS, "--by", "subset", "--json", str(figures)]
    assert main([*words, "-o", str(tmp_path / "out.jsonl")]) == 0
    found = json.loads(figures.read_text())["function"]["subsets"]
    assert (found["accuracy"]["Ties"]["value"], found["accuracy"]["Focus"]["value"]) == (1.0, 0.0)
    assert found["ties"] == pytest.approx(1.01), "no spread, positive gaps: every share is 1, and the last term 0.01"
    assert found["overall"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--by", "subste"], "No record has the field 'subste'"),
        (["--sections", "rewardbench"], "no sections 'rewardbench'"),
        (["--sections", "missing.yaml"], "missing.yaml"),
        (["--by", "subset", "--json", "FILE"], "--json"),
    ],
)
def test_subsets_that_cannot_be_are_refused(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "b.jsonl", [{"prompt": "p", "chosen": "red", "rejected": "blue", "subset": "a"}])
    words = [str(file) if each == "FILE" else each for each in words]
    assert main(["judge", str(file), "--judge", REDS, *words, "-o", str(tmp_path / "out.jsonl")]) == 1
    assert message in " ".join(capsys.readouterr().err.split())


def test_what_the_best_of_n_by_one_judge_is_worth_by_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt": "p", "responses": ["red", "blue blue", "red red", "x"]}, {"prompt": "q", "responses": ["red"]}]
    file, figures = written(tmp_path / "in.jsonl", rows), tmp_path / "figures.json"
    judges = ["--judge", f"{REDS},as=reds", "--judge", f"{STRICT},as=long"]
    words = ["judge", str(file), *judges, "--best-of", "4", "--best-of", "1", "--json", str(figures)]
    assert main([*words, "-o", str(tmp_path / "out.jsonl")]) == 0
    found = json.loads(figures.read_text())["best_of_n"]
    by = {(row["chosen_by"], row["measured_by"], row["n"]): row for row in found}
    assert len(by) == 8 and by["long", "long", 4]["score"] == 9.0  # "blue blue"
    assert by["long", "reds", 4]["score"] < by["long", "reds", 1]["score"] < by["reds", "reds", 4]["score"]
    assert by["reds", "reds", 4]["divergence_bound"] == pytest.approx(math.log(4) - 3 / 4)
    assert by["reds", "long", 1]["score"] == pytest.approx((3 + 9 + 7 + 1) / 4)
    assert "1 prompts have fewer than 4 scored samples" in " ".join(capsys.readouterr().err.split())
    assert main([*words[:-4], "--best-of", "9", "-o", str(tmp_path / "other.jsonl")]) == 1
    assert "No prompt has 9 samples" in capsys.readouterr().err


def test_probabilities_of_a_judge_are_held_against_the_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt": f"p{at}", "chosen": "red red red", "rejected": "blue"} for at in range(6)]
    file, figures = written(tmp_path / "in.jsonl", rows), tmp_path / "figures.json"
    words = ["judge", str(file), "--judge", f"{REDS},as=reds", "--compare", "--json", str(figures)]
    assert main([*words, "-o", str(tmp_path / "out.jsonl")]) == 0
    own = rows_of(tmp_path / "out.jsonl")[0]["preferences_reds"][0][1]
    found = json.loads(figures.read_text())["reds"]["calibration error"]
    assert found["value"] == pytest.approx(1 - own) and found["low"] <= found["value"] <= found["high"]
    assert "calibration error" in capsys.readouterr().err


def test_pairs_without_a_preference_are_counted_so_that_no_table_is_empty(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"prompt": f"p{at}", "chosen": "red", "rejected": "blue"} for at in range(2)]
    source, own = written(tmp_path / "in.jsonl", rows), tmp_path / "own.py"
    own.write_text("def silent(prompt, response):\n    return None\n")
    words = ["judge", str(source), "--judge", f"function,path={own}:silent,as=silent", "--compare"]
    assert main([*words, "-o", str(tmp_path / "out.jsonl"), "--json", str(tmp_path / "figures.json")]) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["silent"] == {"pairs": 2, "without a preference": 2}
    assert "without a preference" in capsys.readouterr().err


def test_ties_alone_are_counted_and_give_no_accuracy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"prompt": "p", "response_a": "red red", "response_b": "blue", "winner": "tie"}
    source, figures = written(tmp_path / "in.jsonl", [row] * 3), tmp_path / "figures.json"
    words = ["judge", str(source), "--judge", f"{REDS},as=reds", "--json", str(figures)]
    assert main([*words, "--compare", "-o", str(tmp_path / "out.jsonl")]) == 0
    found = json.loads(figures.read_text())["reds"]
    assert found["ties in the feedback"] == 3 and "accuracy" not in found and "calibration error" not in found
    assert "ties in the feedback" in capsys.readouterr().err


def test_solutions_of_a_file_are_reranked_by_a_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shortest solution is wrong, two equal ones are right; scores below 0 are added up as probabilities."""
    path = tmp_path / "brevity.py"
    path.write_text(BREVITY.format(log=str(tmp_path / "log")))
    solved = {"prompt": "2+2=", "answer": "4", "responses": ["It is 4", "So it is 4", "5", "no"]}
    rows = [solved, {**solved, "answer": "5"}, {"prompt": "1+1=", "answer": "2", "responses": ["2"]}]
    data, out = tmp_path / "rows.jsonl", tmp_path / "figures.json"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ["judge", str(data), "--judge", f"function,path={path}:brevity", "-o", str(tmp_path / "o.jsonl")]
    assert main([*words, "--rerank", "--json", str(out)]) == 0
    found = json.loads(out.read_text())["rerank"]["function"]
    assert found["first"] == pytest.approx((0.5 + 0.25) / 2) and found["pass@N"] == 1.0
    assert found["majority"] == 0.5 and found["rerank all"] == 0.5
    assert "1 records without several solutions" in capsys.readouterr().out
    one = tmp_path / "one.jsonl"
    one.write_text(json.dumps(rows[2]) + "\n")
    assert main([*words[:1], str(one), *words[2:], "--rerank", "--overwrite"]) == 1
    assert "No record has several solutions" in " ".join(capsys.readouterr().err.split())
