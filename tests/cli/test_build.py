"""``penchant data build``: what every builder gives, and what is refused before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import pytest

from penchant.cli.app import main
from penchant.cli.commands import command_of, option_of
from penchant.curation import BUILDERS, Builder
from penchant.errors import ConfigurationError
from penchant.feedback import read
from small_runs import model_folder, pairs, write_pairs

SCORED = pairs(6, chosen_score=[9, 8, 7, 6, 5, 5], rejected_score=[1, 2, 3, 4, 5, 6])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_pairs(tmp_path / "pairs.jsonl", SCORED)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "options", "count", "fields"),
    [
        ("reward-augmented", ["--place", "user", "--originals", "0.5"], 10, {"goal"}),
        ("prompts", ["--constraints", "1"], 6, {"matching_prompt", "altered_prompt", "extended_prompt"}),
        ("spans", ["--weight", "1.3"], 6, {"chosen_spans", "rejected_phrases"}),
        ("degrade", ["--levels", "3", "--extractor", "rake"], 6, {"chosen_degraded", "rejected_degraded"}),
        ("directions", ["--attributes", "use,length", "--as-text"], 4, {"direction", "original_prompt"}),
    ],
)
def test_rows_are_written_counted_and_read_back(
    name: str, options: list[str], count: int, fields: set[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = file.parent / "new" / "built.jsonl"
    assert main(["data", "build", name, str(file), "--output", str(output), *options]) == 0
    rows, said = rows_of(output), capsys.readouterr().out
    assert len(rows) == count == len(read(output)) and fields <= set(rows[0])
    assert "records read" in said and f"{count} rows written to {output}" in said
    assert [each.name for each in output.parent.iterdir()] == ["built.jsonl"]


def test_rationales_are_asked_for_and_come_back(file: Path, tmp_path: Path) -> None:
    asked, answers, built = (tmp_path / name for name in ("asked.jsonl", "answers.jsonl", "built.jsonl"))
    assert main(["data", "build", "rationale", str(file), "-o", str(asked), "--ask", "specific", "--shuffle"]) == 0
    assert read(asked).kind == "prompt"
    replies = [{**row, "completion": f"because {row['record']}"} for row in rows_of(asked)]
    write_pairs(answers, replies[::-1])
    line = ["data", "build", "rationale", str(file), "-o", str(built), "--answers", str(answers)]
    assert main([*line, "--column", "completion"]) == 0
    assert [row["rationale"] for row in rows_of(built)] == [f"because {at}" for at in range(1, 7)]
    # A rationale that names "Assistant 1" is learned under the order in which it was written.
    assert [row["rationale_first"] for row in rows_of(built)] == [row["rationale_first"] for row in rows_of(asked)]


def test_rejection_sampling_reads_rankings(tmp_path: Path) -> None:
    ranking = {"prompt": "which colour", "completions": ["red", "blue", "grey"], "scores": [3.0, 2.0, 1.0]}
    file, output = write_pairs(tmp_path / "ranked.jsonl", [ranking] * 2), tmp_path / "built.jsonl"
    line = ["data", "build", "rso", str(file), "-o", str(output), "--keep", "3", "--pairing", "tournament"]
    assert main(line) == 0
    assert len(rows_of(output)) == 4 and all(row["chosen_score"] > row["rejected_score"] for row in rows_of(output))


def test_sources_are_scored_and_nothing_unfinished_is_left(file: Path, tmp_path: Path) -> None:
    folder, output = model_folder(tmp_path / "model"), tmp_path / "out" / "built.jsonl"
    line = ["data", "build", "sources", str(file), "-o", str(output), "--source", str(folder), "--initial", str(folder)]
    assert main(line) == 0
    assert all(row["chosen_sources"] == [row["chosen_initial"]] for row in rows_of(output))
    assert [each.name for each in output.parent.iterdir()] == ["built.jsonl"]


def test_an_existing_file_is_kept_unless_it_may_be_replaced(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = file.parent / "built.jsonl"
    output.write_text("mine")
    line = ["data", "build", "degrade", str(file), "-o", str(output)]
    assert main(line) == 1
    assert output.read_text() == "mine" and "The file already exists. Give --overwrite" in capsys.readouterr().err
    assert main([*line, "--overwrite"]) == 0
    assert len(rows_of(output)) == 6


@pytest.mark.parametrize(
    ("arguments", "phrase"),
    [
        (["degrade", "FILE", "-o", "built.csv"], "Choose a name that ends in .jsonl"),
        (["degrade", "FILE", "-o", "OUT", "--rate", "2"], "'rate' is 2.0 (float), expected float in (0, 1]"),
        (["reward-augmented", "FILE", "-o", "OUT", "--template", "absent.txt"], "The template cannot be read"),
        (["rationale", "FILE", "-o", "OUT"], "No row has a rationale in the column 'rationale'"),
        (["rationale", "FILE", "-o", "OUT", "--answers", "absent.jsonl"], "absent.jsonl: There is no such file"),
        (["rso", "FILE", "-o", "OUT"], "rso needs rankings with scores"),
        (["degrade", "absent.jsonl", "-o", "OUT"], "There is no such file"),
        (["sources", "FILE", "-o", "OUT", "--source", "FOLDER"], "FOLDER"),
        (["degarde", "FILE", "-o", "OUT"], "Did you mean 'degrade'"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    arguments: list[str], phrase: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(file.parent)
    named = {"FILE": str(file), "OUT": f"{folder}/built.jsonl", "FOLDER": folder}
    assert main(["data", "build", *(named.get(word, word) for word in arguments)]) == 1
    assert named.get(phrase, phrase) in capsys.readouterr().err
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_skipped_records_are_counted(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with file.open("a") as more:
        more.write("no json\n")
    output = file.parent / "built.jsonl"
    assert main(["data", "build", "degrade", str(file), "-o", str(output), "--on-bad", "skip"]) == 0
    assert "bad records skipped" in capsys.readouterr().out and len(rows_of(output)) == 6


def test_every_builder_is_a_command_whose_help_shows_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "build", "--help"]) == 0
    listed = capsys.readouterr().out
    assert len(BUILDERS.names()) >= 6 and all(f"\n  {name} " in listed for name in BUILDERS)
    for name in BUILDERS:
        assert main(["data", "build", name, "--help"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert f"writes {', '.join(BUILDERS.get(name).writes)}." in shown
        assert all(f"--{each.name.replace('_', '-')} " in shown for each in BUILDERS.get(name).declared_settings())


def test_the_fields_that_a_builder_says_it_writes_are_those_it_writes(file: Path, tmp_path: Path) -> None:
    ranking = {"prompt": "which", "completions": ["red", "blue"], "scores": [3.0, 2.0]}
    ranked, folder = write_pairs(tmp_path / "ranked.jsonl", [ranking]), model_folder(tmp_path / "model")
    said = {"rationale": "so", "rationale_first": "chosen"}
    inputs = {"rso": (ranked, []), "rationale": (write_pairs(tmp_path / "why.jsonl", [{**SCORED[0], **said}]), [])}
    inputs["sources"] = (file, ["--source", str(folder), "--initial", str(folder)])
    words = ("tea", "milk", "rain", "snow")
    judged = [{"prompt": f"about {each}", "completion": "yes", "label": place < 2} for place, each in enumerate(words)]
    inputs["density-ratio"] = (write_pairs(tmp_path / "judged.jsonl", judged), [])
    inputs["samples"] = (file, ["--model", str(folder), "--count", "2", "--max-new-tokens", "4"])
    catalogue = write_pairs(tmp_path / "items.jsonl", [{"item": each, "text": each} for each in words])
    taken = [{"prompt": "tea, milk", "completion": "rain", "user": "a", "history": ["tea", "milk"], "target": "rain"}]
    inputs["negatives"] = (write_pairs(tmp_path / "taken.jsonl", taken), ["--items", str(catalogue), "--count", "1"])
    voted = [{**SCORED[0], "prompt": f"about {each}", "annotator": "a"} for each in words]
    inputs["few-shot"] = (write_pairs(tmp_path / "voted.jsonl", voted), ["--shots", "1"])
    polite = [
        {"prompt": f"say {n}", "chosen": f"sorry {words[n % 4]} {words[n % 3]}", "rejected": f"no {words[n % 2]}"}
        for n in range(60)
    ]
    inputs["unwanted-feature"] = (write_pairs(tmp_path / "polite.jsonl", polite), ["--word", "sorry", "--count", "5"])
    inputs["own-examples"] = (inputs["few-shot"][0], ["--labelled", str(inputs["few-shot"][0]), "--shots", "1"])
    answered = write_pairs(tmp_path / "answered.jsonl", [{**SCORED[0], "answer": "red"}])
    inputs["margin-rewards"] = (answered, ["--judge", "verifier rule=contains"])
    solved = {"prompt": "2 + 2 + 1?", "completions": ["a\nb", "a\nc"], "scores": [1.0, 0.0]}
    inputs["step-pairs"] = (write_pairs(tmp_path / "solved.jsonl", [solved]), [])
    lost = {"prompt": "which", "completion": "red!", "answer": r"^[^!]*\w[^!]*$"}
    corrected = ["--model", str(folder), "--rule", "regex", "--max-new-tokens", "6"]
    inputs["step-corrections"] = (write_pairs(tmp_path / "lost.jsonl", [lost]), corrected)
    three = {"prompt": "which", "completions": ["red", "blue", "grey"], "scores": [3.0, 2.0, 1.0]}
    inputs["triples"] = (write_pairs(tmp_path / "three.jsonl", [three]), [])
    sampled = [{"prompt": "1 + 1", "samples": ["2", "3"], "answer": "2"}]
    inputs["teacher-choices"] = (
        write_pairs(tmp_path / "sampled.jsonl", sampled),
        ["--judge", "verifier rule=number", "--keep", "2"],
    )
    length = ["--judge", "verifier rule=contains"]
    drawn = {"prompt": "which", "samples": ["red", "blue"], "direction": [1.0], "answer": "red"}
    inputs["best-along-direction"] = (write_pairs(tmp_path / "drawn.jsonl", [drawn]), length)
    told = write_pairs(tmp_path / "in_context.jsonl", [{**SCORED[0], "context": "Be short."}])
    inputs["contexts"] = (told, [])
    texts = [{"prompt": "Tea?", "chosen": "Certainly. I enjoy tea.", "rejected": "Yes. I like it."}]
    answers = write_pairs(tmp_path / "answers.jsonl", [{"record": 1, "sentence": 0, "response": "Indeed."}])
    inputs["mixed-texts"] = (write_pairs(tmp_path / "texts.jsonl", texts), ["--answers", str(answers)])
    answered_pairs = write_pairs(tmp_path / "answered_pairs.jsonl", [{**SCORED[0], "answer": SCORED[0]["chosen"]}])
    inputs["replay"] = (file, ["--preferences", str(answered_pairs), *length])
    inputs["directions"] = (file, ["--attributes", "use,length", "--as-text"])
    inputs["objective-weights"] = (answered, [*length, *length])
    inputs["votes"] = (ranked, [])
    told = write_pairs(tmp_path / "told.jsonl", [{**SCORED[0], "answer": SCORED[0]["chosen"]}])
    inputs["curation-round"] = (told, ["--gold", str(told), "--reward", length[1], *length])
    agreed = ["--best", length[1], "--gold-model", length[1], *length]
    inputs["preference-curation"] = (told, agreed)
    shown = [{"prompt": each, "completion": f"{each}!"} for each in words]
    inputs["difficulty-levels"] = (write_pairs(tmp_path / "shown.jsonl", shown), ["--by", "length"])
    for name in BUILDERS:
        source, options = inputs.get(name, (file, []))
        output = tmp_path / f"{name}.jsonl"
        assert main(["data", "build", name, str(source), "-o", str(output), *options]) == 0
        assert set(BUILDERS.get(name).writes) <= set(rows_of(output)[0])


def test_a_builder_whose_setting_is_a_flag_that_is_on_can_be_switched_off() -> None:
    class Polite(Builder):
        thanks: Annotated[bool, "say thank you"] = True

    given: list[bool] = []
    option = option_of(Polite.declared_settings()[0])
    command = command_of("polite", "Say it.", [option], lambda thanks: given.append(thanks))
    for words in ([], ["--thanks"], ["--no-thanks"]):
        command.main(words, standalone_mode=False)
    assert given == [True, True, False]


def test_a_builder_without_a_docstring_is_refused_where_it_is_made() -> None:
    with pytest.raises(ConfigurationError, match="The builder has no docstring"):
        type("Silent", (Builder,), {"id": "silent", "__module__": __name__})
    assert "silent" not in BUILDERS
