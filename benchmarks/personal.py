"""``python -m benchmarks.personal``: a judge for each annotator of ``xstest_feedback``, beside one for both.

Two responses to a prompt are a pair for an annotator who labels them differently: help is right for what is safe, a
refusal for what is not. The judges stand on a language model of 260 thousand weights.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from benchmarks.real_rewards import MODEL, compliance, few, grouped, rows_of
from benchmarks.setting import SHARED

NAMES = ("first annotator", "second annotator")


def write_pairs(path: Path, prompts: int) -> dict[str, int]:
    """Write the pairs of some prompts with both annotators' labels; returns their number by annotator."""
    found = [row for row in compliance(rows_of(SHARED, "xstest_feedback")) if row["chosen"] != row["rejected"]]
    by_prompt = grouped([{**row, "annotator": NAMES[row["annotator"]]} for row in found], lambda row: row["prompt"])
    names = few([{"name": each} for each in sorted(by_prompt)], prompts)
    chosen = [{**row, "split": "train"} for each in names for row in by_prompt[each["name"]]]
    path.write_text("".join(json.dumps(row) + "\n" for row in chosen), encoding="utf-8")
    return {name: sum(row["annotator"] == name for row in chosen) for name in NAMES}


def main() -> None:
    """Write the pairs, train the judges, print the table."""
    from penchant.cli.app import main as penchant

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(write_pairs(folder / "pairs.jsonl", chosen.prompts))
        command = ["personal-judges", "--model", str(SHARED / MODEL), "--data", str(folder / "pairs.jsonl")]
        command += ["-o", str(folder / "people"), "--epochs", "3", "--learning-rate", "1e-3", "--held-out", "0.4"]
        command += ["--max-length", "512", "--seed", str(chosen.seed)]
        penchant(command)


if __name__ == "__main__":
    main()
