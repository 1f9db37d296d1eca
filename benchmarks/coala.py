"""``python -m benchmarks.coala``: COALA's head against DPO of the same small model on ``hh_harmless``.

Both see the same pairs, cut as in `benchmarks.real_rewards`, and are measured on the same pairs of other prompts. Times
are processor seconds: of DPO those of its steps alone, without loading and measuring. Its learning rate is the one with
the best accuracy on a tenth of the training pairs, trained on the others; COALA's settings are the defaults.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.real_rewards import MODEL, Row, harmless, rows_of
from benchmarks.setting import SHARED
from penchant.feedback.reading import read
from penchant.rewards.convex.training import train_head
from penchant.statistics import share_interval
from penchant.training.api import train

RATES = (1e-4, 1e-3)


def dpo(model: str, rows: list[Row], test: list[Row], rate: float) -> tuple[float, float]:
    """Accuracy of the implicit reward on test pairs, and processor seconds of all steps of one epoch."""
    times: list[float] = []

    def clock(step: int, split: str, numbers: Any) -> None:
        if split == "train":
            times.append(time.process_time())

    keys: dict[str, Any] = {"batch_size": 16, "learning_rate": rate, "samples": 0, "checkpoints": "none"}
    keys |= {"chat_template": "plain"}
    with tempfile.TemporaryDirectory() as place:
        found = train(model, rows, "dpo", Path(place) / "run", eval_data=test, callbacks=clock, **keys)
    steps = times[-1] - times[0]
    return found.summary["after"]["rewards/accuracy"], steps * len(times) / (len(times) - 1)


def main() -> None:
    """Print the table as JSON."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--train", type=int, default=1000)
    asked.add_argument("--test", type=int, default=400)
    given = asked.parse_args()
    found = list(harmless(rows_of(SHARED, "hh_harmless")))
    rows = [each for each in found if each["split"] == "train"][: given.train]
    test = [each for each in found if each["split"] == "test"][: given.test]
    for each in (*rows, *test):
        del each["split"]
    model = str(SHARED / MODEL)
    start = time.process_time()
    head = train_head(model, list(read(rows)), chat_template="plain")
    seconds = time.process_time() - start
    measured = train_head(model, list(read(rows)), list(read(test)), chat_template="plain")
    assert measured.head.facts == head.head.facts
    inner, held = rows[: len(rows) * 9 // 10], rows[len(rows) * 9 // 10 :]
    rate = max(RATES, key=lambda each: dpo(model, inner, held, each)[0])
    accuracy, steps = dpo(model, rows, test, rate)
    result = {
        "pairs": len(rows),
        "test pairs": len(test),
        "coala": [measured.held_out_accuracy, str(measured.interval), seconds],
        "linear": measured.linear_accuracy,
        "dpo": [accuracy, str(share_interval(accuracy, len(test))), steps, rate],
        "share": seconds / steps,
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
