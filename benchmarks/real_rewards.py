"""``python -m benchmarks --only real-rewards``: reward models on feedback that people and judges gave.

The heads stand on a language model of 260 thousand weights, so the table says which form fits which feedback, not how
good a judge can be. Beside them stands a logistic regression of TF-IDF differences. Accuracy is that of pairs whose
prompts were not trained on, ties half.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.setting import SHARED

Row = dict[str, Any]

#: Characters of a prompt and of a response that count, and pairs for training and testing.
PROMPT, RESPONSE, TRAIN, TEST = 150, 240, 240, 150
MODEL = "models/tinystories-260k"


def rows_of(shared: Path, name: str) -> Iterator[Row]:
    """The rows of a file of the data."""
    with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def pair(prompt: Any, better: str, worse: str, split: str, **more: Any) -> Row:
    """A comparison, cut to what the small model reads."""
    said = prompt if isinstance(prompt, str) else prompt[-1]["content"]
    return {"prompt": said[-PROMPT:], "chosen": better[:RESPONSE], "rejected": worse[:RESPONSE], "split": split, **more}


def harmless(rows: Iterable[Row]) -> Iterator[Row]:
    """As they are."""
    for row in rows:
        yield pair(row["prompt"], row["chosen"], row["rejected"], row["split"])


def ranked(rows: Iterable[Row]) -> Iterator[Row]:
    """The best against the last response."""
    for row in rows:
        texts = [each["text"] for each in row["responses"]]
        yield pair(row["prompt"], texts[0], texts[-1], row["split"])


def grouped(rows: Iterable[Row], key: Callable[[Row], str]) -> dict[str, list[Row]]:
    """Rows by a key, in the order of the file."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return found


def by_value(
    rows: Iterable[Row], key: Callable[[Row], str], value: Callable[[Row], float], **more: Any
) -> Iterator[Row]:
    """Pairs of the responses to one prompt whose values differ; a row has ``prompt`` and ``response``."""
    for own in grouped(rows, key).values():
        for first, second in combinations(own, 2):
            if value(first) != value(second):
                good, bad = (first, second) if value(first) > value(second) else (second, first)
                yield pair(good["prompt"], good["response"], bad["response"], good["split"], **more)


def compliance(rows: Iterable[Row]) -> Iterator[Row]:
    """What each of two annotators finds right: help with what is safe, a refusal of what is not."""
    helped = {"1_full_compliance": 1.0, "3_partial_refusal": 0.5, "2_full_refusal": 0.0}
    rows = list(rows)
    for who in (0, 1):

        def value(row: Row, column: str = f"annotation_{who + 1}") -> float:
            found = helped[row[column]]
            return found if row["safe_prompt"] else 1 - found

        yield from by_value(rows, lambda row: row["prompt"], value, annotator=who)


def dialogues(rows: Iterable[Row]) -> Iterator[Row]:
    """Responses of which people find one more engaging (annotator 0) or better grounded (annotator 1)."""
    rows = [{**row, "prompt": row["context"][-1]} for row in rows]
    for who, name in enumerate(("engagingness", "groundedness")):
        yield from by_value(
            rows, lambda row: "".join(row["context"]), lambda row, n=name: row["scores"][n], annotator=who
        )


def votes(rows: Iterable[Row]) -> Iterator[Row]:
    """The gold label."""
    for row in rows:
        texts = row["response_1"], row["response_2"]
        better, worse = texts if row["label"] == 1 else texts[::-1]
        yield pair(row["prompt"], better, worse, row["split"])


def bench(rows: Iterable[Row]) -> Iterator[Row]:
    """Two answers to one question with different scores, in the first turn and in the second."""
    rows = list(rows)
    for turn in (0, 1):
        score = f"score_turn_{turn + 1}"
        answers = [{**row, **_turn(row["messages"][2 * turn : 2 * turn + 2])} for row in rows]
        yield from by_value(answers, lambda row: str(row["question_id"]), lambda row, name=score: row[name])


def _turn(messages: list[Row]) -> Row:
    return {"prompt": messages[0]["content"], "response": messages[1]["content"]}


DATA: dict[str, Callable[[Iterable[Row]], Iterator[Row]]] = {
    "hh_harmless": harmless,
    "alpaca_eval_ranked": ranked,
    "xstest_feedback": compliance,
    "dialogue_attributes": dialogues,
    "judge_votes": votes,
    "mt_bench_scores": bench,
}
#: The objectives, with the figure of the held-out pairs that is their accuracy.
METHODS: dict[str, tuple[dict[str, Any], str]] = {
    "bt": ({"name": "bt"}, "rewards/accuracy"),
    "gpm": ({"name": "gpm", "tau": 1.0}, "preference_accuracy"),
    "micro": ({"name": "micro", "heads": 3, "router_width": 16}, "reward_accuracy"),
    "pal": ({"name": "pal", "form": "B", "width": 32, "pair_loss": "logistic"}, "reward_accuracy"),
}


def few(rows: list[Row], count: int, seed: int = 0) -> list[Row]:
    """A sample of rows that does not depend on their order in the file's pairs."""
    import random

    return random.Random(seed).sample(rows, min(count, len(rows)))


def tfidf(train: list[Row], test: list[Row]) -> float:
    """The accuracy of a logistic regression on differences of TF-IDF vectors."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    words.fit([row[side] for row in train for side in ("chosen", "rejected")])

    def differences(rows: list[Row]) -> Any:
        return words.transform([row["chosen"] for row in rows]) - words.transform([row["rejected"] for row in rows])

    from scipy.sparse import vstack

    seen = differences(train)
    fitted = LogisticRegression(fit_intercept=False, C=10.0, max_iter=2000)
    fitted.fit(vstack([seen, -seen]), [1] * len(train) + [0] * len(train))
    margins = fitted.decision_function(differences(test))
    return float(((margins > 0) + 0.5 * (margins == 0)).mean())


def trained(shared: Path, objective: dict[str, Any], train: list[Row], test: list[Row], folder: Path) -> Any:
    """The held-out figures of a reward model."""
    import penchant

    given = {"batch_size": 16, "learning_rate": 1e-3, "epochs": 3, "eval_data": test, "max_length": 512}
    return penchant.train(str(shared / MODEL), train, objective, output=folder, **given).summary["after"]


def measure(
    table: Callable[..., None], shared: Path = SHARED, data: Iterable[str] = DATA, kept: Path | None = None
) -> None:
    """Print the table.

    Args:
        table: prints title, heading and rows.
        shared: a folder with ``data`` and ``models``.
        data: names of `DATA`.
        kept: a JSON file of the accuracies so far, from which a stopped call goes on.
    """
    from penchant.statistics import share_interval

    known: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept is not None and kept.exists() else {}
    rows = []
    for name in data:
        train, test = parts(shared, name)
        own = known.setdefault(name, {})
        for method in ("TF-IDF", *METHODS):
            if method not in own and not (method == "pal" and "annotator" not in train[0]):
                own[method] = accuracy(shared, method, train, test)
                if kept is not None:
                    kept.write_text(json.dumps(known))
        cells = [share_interval(own[each], len(test)) if each in own else None for each in ("TF-IDF", *METHODS)]
        shown = ["" if each is None else f"{each.value:.2f} ({each.low:.2f}-{each.high:.2f})" for each in cells]
        rows.append([name, f"{len(train)} / {len(test)}", *shown])
    table("Reward models on real feedback", ["data", "pairs", "TF-IDF", *METHODS], rows)


def parts(shared: Path, name: str) -> tuple[list[Row], list[Row]]:
    """A sample of the pairs to train on, and one of those to test on; texts that are equal once cut are left out."""
    found = [row for row in DATA[name](rows_of(shared, name)) if row["chosen"] != row["rejected"]]
    return tuple(  # type: ignore[return-value]
        few([row for row in found if row["split"] == part], count) for part, count in (("train", TRAIN), ("test", TEST))
    )


def accuracy(shared: Path, method: str, train: list[Row], test: list[Row]) -> float:
    """The accuracy of a method on the held-out pairs."""
    if method == "TF-IDF":
        return tfidf(train, test)
    objective, figure = METHODS[method]
    with tempfile.TemporaryDirectory() as folder:
        return float(trained(shared, objective, train, test, Path(folder) / "run")[figure])
