"""``penchant online`` and ``penchant lab``: recipes, methods and options, and going on with a run."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from penchant.cli.app import main
from penchant.errors import ConfigurationError
from penchant.online.recipe import make_online_recipe
from small_judges import JUDGES
from small_runs import model_folder, write_pairs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model_folder(tmp_path_factory.mktemp("model"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rows = [{"prompt": f"which colour is the {thing}"} for thing in ("car", "hat", "tree", "cup")]
    return write_pairs(tmp_path / "prompts.jsonl", rows)


KEYS = ["judge.name=function", f"judge.path={JUDGES}:reds", "max_new_tokens=4", "iterations=2", "samples=1"]


def test_a_method_with_options_runs_resumes_and_is_overwritten(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    command = ["online", "grpo", "--model", str(model), "--data", str(data), "--out", str(out), *KEYS]
    command += ["batch_size=4", "--set", "epsilon_high=0.28"]
    assert main(command) == 0
    told = capsys.readouterr()
    assert "After 2 rounds" in told.err and "reward" in told.out and "report.html" in told.out
    summary = json.loads((out / "summary.json").read_text())
    assert summary["rounds"] == 2 and "epsilon_high=0.28" in summary["objective"]
    assert (out / "report.html").is_file() and (out / "model" / "config.json").is_file()
    assert main(command) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert main([*command, "learning_rate=1e-3", "--resume"]) == 1
    assert "learning_rate" in capsys.readouterr().err
    assert main([*command, "learning_rate=1e-3", "--overwrite"]) == 0


def test_a_recipe_file_may_start_from_a_method(model: Path, data: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    (tmp_path / "small_judges.py").write_text(Path(JUDGES).read_text())
    judge = "{name: function, path: 'small_judges:reds'}"
    recipe.write_text(
        f"method: iterative-dpo\nmodel: {model}\ndata: {data}\njudge: {judge}\nmax_new_tokens: 4\niterations: 1\n"
        "objective: {name: ipo, beta: 0.2}\n"
    )
    out = tmp_path / "run"
    assert main(["online", str(recipe), "--out", str(out), "samples=0"]) == 0
    assert "IPO(beta=0.2" in json.loads((out / "summary.json").read_text())["objective"]
    # What a run writes down is a recipe that makes it again.
    assert main(["online", str(out / "recipe.yaml"), "--out", str(tmp_path / "again")]) == 0
    first, again = (json.loads((each / "summary.json").read_text())["after"] for each in (out, tmp_path / "again"))
    assert first == again


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["online", "grop.yaml"], "cannot be read"),
        (["online", "grop"], "no online method 'grop'. Did you mean 'grpo'"),
        (["online", "cispo"], "It is an objective: write `penchant online METHOD --objective cispo`"),
        (["online", "--method", "grop"], "Did you mean 'grpo'"),
        (["online", "grpo", "--model", "m"], "'data' is missing"),
        (["online", "grpo", "--model", "m", "--data", "d", "per_device_train_batch_size=1"], "batch_size"),
        (["lab", "sums", "--method", "gropo"], "Did you mean 'grpo'"),
    ],
)
def test_mistakes_are_told(words: list[str], told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([*words, *(["--out", str(tmp_path / "x")])]) == 1
    assert told in capsys.readouterr().err


def test_a_dry_run_shows_the_recipe_a_judged_response_and_the_rounds(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    out = tmp_path / "run"
    command = ["online", "grpo", "--model", str(model), "--data", str(data), "--data", str(data), "--out", str(out)]
    assert main([*command, *KEYS, "batch_size=3", "samples_per_prompt=5", "max_steps=null", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "epsilon" in shown and "8 prompts of" in shown
    assert f"function(path='{JUDGES}:reds') gives -0.014 to the response 'Yes.'" in shown
    assert "2 of 8 prompts with 5 responses each: 40 responses of up to 4 tokens per round" in shown
    assert "up to 3 per round, 6 in all" in shown
    assert not out.exists()
    in_a_word = ["--judge", f"function,path={JUDGES}:reds", *KEYS[2:], "batch_size=3"]
    assert main([*command, *in_a_word, "--dry-run"]) == 0 and "gives -0.014" in capsys.readouterr().out
    broken = [*KEYS[1:], "judge.name=function", f"judge.path={JUDGES}:missing"]
    assert main([*command, *broken, "--dry-run"]) == 1


@pytest.mark.parametrize("data", [{"forget": "a", "retain": "b"}, [{"path": "a", "weight": 1}], [], [""], 3])
def test_prompts_are_a_path_or_a_list_of_paths(data: object) -> None:
    assert make_online_recipe({"model": "m", "data": ["a", "b"]}).data == ["a", "b"]
    with pytest.raises(ConfigurationError, match=r"'data' is .*expected a path or a list of paths"):
        make_online_recipe({"model": "m", "data": data})


@pytest.mark.parametrize("named", ["recipe", "command line"])
@pytest.mark.parametrize("place", ["shutil:rmtree", "timeit:timeit", "json.tool:main", "penchant.errors:nearest"])
def test_no_function_of_python_or_a_package_is_a_judge(
    named: str, place: str, model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = f"model: {model}\ndata: {data}\noutput: {tmp_path}/run\n"
    judge = f"judge: {{name: function, path: '{place}'}}\n" if named == "recipe" else ""
    (tmp_path / "recipe.yaml").write_text(keys + judge)
    words = [] if named == "recipe" else ["judge.name=function", f"judge.path={place}"]
    assert main(["online", str(tmp_path / "recipe.yaml"), *words]) == 1
    said = capsys.readouterr().err
    assert "module of Python itself" in said or "there is no file" in said or "There is no file" in said
    assert "Imports" not in said and not (tmp_path / "run").exists()


def test_what_is_imported_is_printed_first(
    model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rw.py").write_text("raise RuntimeError('was run')\n")
    monkeypatch.chdir(tmp_path)
    command = ["online", "grpo", "--model", str(model), "--data", str(data), "judge.name=function", "judge.path=rw:f"]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert said.index(f"Imports f of {tmp_path}/rw.py, as judge") < said.index("was run")


REWARDS = """
def known(prompt, response, word, tokens, finished):
    return float(word in response.split()) + 0.1 * finished if tokens else None


def brief(prompt, response):
    return -len(response.split())
"""


@pytest.fixture
def rewarded(model: Path, tmp_path: Path) -> Path:
    """A recipe with two functions of a file beside it."""
    rows = [{"prompt": f"which colour is the {thing}", "word": "red"} for thing in ("car", "hat", "tree", "cup")]
    write_pairs(tmp_path / "words.jsonl", rows)
    (tmp_path / "rewards.py").write_text(REWARDS)
    recipe = tmp_path / "rewarded.yaml"
    recipe.write_text(
        f"method: grpo\nmodel: {model}\ndata: {tmp_path / 'words.jsonl'}\noutput: {tmp_path / 'rewarded'}\n"
        "judge:\n  - {name: function, path: 'rewards.py:known', weight: 2}\n"
        "  - {name: function, path: 'rewards.py:brief', weight: 0.1, label: short}\n"
        "temperature: 0.7\nmax_new_tokens: 4\niterations: 2\nsamples: 1\nbatch_size: 4\n"
    )
    return recipe


def test_two_functions_beside_a_recipe_are_its_reward(rewarded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["online", str(rewarded), "--dry-run"]) == 0
    assert "gives" in capsys.readouterr().out
    assert main(["online", str(rewarded)]) == 0
    told = capsys.readouterr().err
    assert "Imports known of" in told and "Imports brief of" in told
    out = rewarded.parent / "rewarded"
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert {"reward/known/mean", "reward/short/missing", "sampled/entropy"} <= set().union(*rows)
    assert "Reward: known: mean" in (out / "report.html").read_text(encoding="utf-8")
    assert main(["online", str(out / "recipe.yaml"), "--out", str(rewarded.parent / "again"), "--dry-run"]) == 0


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (("weight: 2", "weight: two"), "The weight of member 1 of the judge is 'two'"),
        (("rewards.py:known", "rewards.py:knwon"), "Did you mean 'known'"),
        (("rewards.py:known", "shutil:rmtree"), "shutil"),
        (("label: short", "label: known"), "Two members of the judge are called 'known'"),
        (("word, tokens", "wrd, tokens"), "asks for 'wrd', which the record does not have"),
        (("temperature: 0.7", "top_p: 0.9"), "top_p"),
    ],
)
def test_mistakes_in_rewards_are_told_before_a_model_is_loaded(
    rewarded: Path, changed: tuple[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (rewarded, rewarded.parent / "rewards.py"):
        file.write_text(file.read_text().replace(*changed))
    assert main(["online", str(rewarded)]) == 1
    assert told in capsys.readouterr().err
    assert not (rewarded.parent / "rewarded").exists()


def test_serving_says_what_cannot_be_served(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve-policy", str(model), "--port", str(port)]) == 1
    assert f"--port: The port {port} of 127.0.0.1 cannot be used" in capsys.readouterr().err
    assert main(["serve-policy", str(model / "nowhere")]) == 1
    assert "There is no such folder" in capsys.readouterr().err
