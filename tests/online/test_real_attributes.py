"""People's ratings of dialogue as judges of multi-objective GRPO, as docs/online-real-data.md has it."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shutil
from pathlib import Path
from statistics import correlation, fmean
from typing import Any

import pytest
import yaml

from penchant.online import make_online_recipe, run_online
from small_runs import write_pairs

DOCS = Path(__file__).resolve().parents[2] / "docs" / "online-real-data.md"
ATTRIBUTES = ("understandability", "naturalness", "coherence", "engagingness", "groundedness", "overall")


@pytest.fixture
def beside(shared: Path, tmp_path: Path) -> dict[str, Any]:
    """The recipe of the page, with its rewards, the ratings and the prompts beside it."""
    code, recipe = re.findall(r"```(?:python|yaml)\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)[:2]
    (tmp_path / "attributes.py").write_text(code, encoding="utf-8")
    shutil.copy(shared / "data" / "dialogue_attributes.jsonl.gz", tmp_path)
    prompts = dict.fromkeys(row["context"][-1] for row in rated(tmp_path) if row["split"] == "train")
    write_pairs(tmp_path / "prompts.jsonl", [{"prompt": each} for each in prompts if len(each) <= 120][:8])
    keys: dict[str, Any] = yaml.safe_load(recipe)
    for part in keys["judge"]:
        part["path"] = str(tmp_path / part["path"])
    return keys | {"data": str(tmp_path / "prompts.jsonl"), "model": str(shared / "models" / "tinystories-260k")}


def rated(folder: Path) -> list[dict[str, Any]]:
    with gzip.open(folder / "dialogue_attributes.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def by_round(keys: dict[str, Any], output: Path, weights: dict[str, float] | None) -> dict[str, list[float]]:
    """The mean of each attribute in every round, for weights of the attributes."""
    pairing = {"name": "several"} if weights is None else {"name": "several", "weights": weights}
    done = run_online(make_online_recipe({**keys, "pairing": pairing, "output": str(output), "samples": 0}))
    rows = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()]
    sampled = [row for row in rows if "sampled/reward" in row]
    return {name: [row[f"reward/{name}/mean"] for row in sampled] for name in ATTRIBUTES}


def test_regressors_agree_with_people_on_dialogues_that_they_have_not_seen(
    beside: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = importlib.util.spec_from_file_location("attributes_of_the_page", tmp_path / "attributes.py")
    assert described is not None and described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    rows = [row for row in rated(tmp_path) if row["split"] == "test"]
    found = {}
    for name in ATTRIBUTES:
        said = [getattr(module, name)(row["context"][-1], row["response"]) for row in rows]
        found[name] = round(correlation(said, [row["scores"][name] for row in rows]), 2)
    with capsys.disabled():
        print(f"\nattributes: correlation with people on {len(rows)} held-out replies: {found}")
    assert min(found.values()) > 0.25


@pytest.mark.long
def test_attributes_rise_and_their_weights_move_them(
    beside: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grounded = {name: float(name == "groundedness") for name in ATTRIBUTES}
    engaging = {name: float(name == "engagingness") for name in ATTRIBUTES}
    runs = {
        label: by_round(beside, tmp_path / label.replace(" ", "-"), weights)
        for label, weights in (("all alike", None), ("groundedness alone", grounded), ("engagingness alone", engaging))
    }
    # Samples differ between processors, so one round alone is noise.
    moved = {label: {name: fmean(own[-4:]) - own[0] for name, own in run.items()} for label, run in runs.items()}
    with capsys.disabled():
        for label, run in runs.items():
            print(
                f"\nattributes, {label}: " + ", ".join(f"{n} {own[0]:.2f} -> {own[-1]:.2f}" for n, own in run.items())
            )
    assert fmean(moved["all alike"].values()) > 0
    # All attributes rise and fall together with the quality of the reply; weights move one against the other.
    apart = {label: each["groundedness"] - each["engagingness"] for label, each in moved.items()}
    assert apart["groundedness alone"] > apart["engagingness alone"], apart
