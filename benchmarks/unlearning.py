"""``python -m benchmarks --only unlearning [DATA]``: what methods forget of real questions.

Beside each forgotten set stands a model that never saw it.

DATA is the folder of ``tofu_authors.jsonl.gz`` and ``private_facts.jsonl.gz``. A small model and its tokenizer are made
on the spot: they learn all questions, and once for each forget set all but those to forget. The tables say first what
the models know, then what each method leaves. Each part is kept in ``--folder`` when it is finished: a call that was
stopped goes on where it was, and one after the last part prints the tables.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

import penchant
from benchmarks.__main__ import table
from benchmarks.kept import Kept
from benchmarks.setting import SHARED
from penchant.evaluation.unlearning.evaluating import load_subject, measure_model, read_sets
from penchant.evaluation.unlearning.relearning import Attack
from penchant.training.unlearning.api import unlearn

Row = dict[str, Any]
#: Settings of each method.
METHODS: dict[str, Row] = {
    "gradient-ascent": {"learning_rate": 1e-4},
    "grad-diff": {"learning_rate": 3e-4},
    "npo-retain": {"learning_rate": 3e-4},
    "simnpo-retain": {"learning_rate": 3e-4},
    "idk-dpo-retain": {"learning_rate": 3e-4},
    "undial+retain-nll": {"learning_rate": 3e-4},
    "rmu": {"learning_rate": 3e-4, "hyper": {"layer": "1"}},
}
FIGURES = ("forget_quality", "model_utility", "forget/probability", "forget/rouge", "forget/extraction")
KEPT = ("retain/probability", "retain/rouge")


def asked(row: Row) -> Row:
    """A row of the data as a record."""
    record: Row = {"prompt": f"{row['question']}\n", "completion": row["answer"]}
    if row.get("paraphrased_answer"):
        record["paraphrase"] = row["paraphrased_answer"]
    if row.get("wrong_answers"):
        record["perturbed"] = row["wrong_answers"]
    return record


def authors(data: Path, count: int) -> tuple[dict[str, list[Row]], list[Row], list[Row]]:
    """The forget sets by name, the questions of all chosen authors, and an author that nobody learns."""
    with gzip.open(data / "tofu_authors.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["author"] is not None]
    marked = sorted({row["author"] for row in rows if row["forget"]}, reverse=True)
    first = next(row["author"] for row in rows if row["forget"] == "forget01")
    lost = [first, *(each for each in marked if each != first)][: max(1, count // 10)]
    others = sorted({row["author"] for row in rows} - set(marked))
    chosen = [*others[: count - len(lost)], *lost]
    learned = [row for row in rows if row["author"] in chosen]
    tenth = [row for row in learned if row["author"] in lost]
    tenth.sort(key=lambda row: lost.index(row["author"]))
    parts = {f"{share} %": tenth[: max(1, len(learned) * share // 100)] for share in (1, 5, 10)}
    return parts, learned, [row for row in rows if row["author"] == others[-1]]


def private(data: Path, count: int) -> tuple[dict[str, list[Row]], list[Row], list[Row]]:
    """The same of private facts: a fifth is private and to be forgotten; others of the private ones nobody learns."""
    with gzip.open(data / "private_facts.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    secret = [row for row in rows if row["kind"] == "forget"]
    open_ones = [row for row in rows if row["kind"] == "retain"]
    lost = secret[: count // 5]
    return {"private": lost}, [*lost, *open_ones[: count - len(lost)]], secret[count // 5 :][:20]


def tokenizer_of(rows: list[Row], folder: Path) -> Any:
    """Byte-pair tokens of the questions and answers."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = [text for row in rows for text in (row["question"] + "\n", row["answer"])]
    backend.train_from_iterator(texts, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>", model_max_length=512
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def learned_model(rows: list[Row], tokenizer: Any, folder: Path, epochs: int) -> str:
    """A small model that has learned the questions, from the same start for every set of them."""
    set_seed(0)
    size = {"hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 3, "num_attention_heads": 4}
    model = LlamaForCausalLM(
        LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=512, tie_word_embeddings=True, **size)
    )
    run = {"batch_size": 16, "epochs": epochs, "learning_rate": 3e-3, "schedule": "cosine", "warmup": 0.05}
    quick = {"samples": 0} | {
        "checkpoints": "none",
        "chat_template": "plain",
        "device": "cpu",
        "overwrite": True,
        "eval_limit": 10,
    }
    records = [asked(row) for row in rows]
    penchant.train(model, records, "nll", folder, tokenizer=tokenizer, **run, **quick)
    return str(folder / "model")


def knowledge(name: str, model: str, sets: Any) -> list[str]:
    """What a model knows of each set."""
    held = measure_model(load_subject(model, chat_template="plain"), sets)
    figures = {each.key: each.value for each in held.figures()}
    keys = ("forget/nll", "forget/probability", "forget/rouge", "retain/nll", "retain/probability", "retain/rouge")
    return [name, *(f"{figures[key]:.2f}" for key in keys)]


def table_of(title: str, parts: dict[str, list[Row]], learned: list[Row], unseen: list[Row], chosen: Any) -> None:
    """Learn, forget, and print. What an earlier call with the same folder has finished is not done again."""
    folder = chosen.folder / title.split()[0]
    kept = Kept(folder / "parts", {"learned": len(learned), "epochs": chosen.epochs})
    tokenizer = tokenizer_of([*learned, *unseen], folder / "tokenizer")

    def learn(rows: list[Row], name: str) -> str:
        place = folder / name
        return str(kept.part(name, lambda: learned_model(rows, tokenizer, place, chosen.epochs), rows=len(rows)))

    full = learn(learned, "full")
    before, after = [], []
    for share in [each for each in parts if chosen.shares is None or each.split()[0] in chosen.shares]:
        lost = parts[share]
        retain = [row for row in learned if row not in lost]
        files = {"forget": [asked(row) for row in lost], "retain": [asked(row) for row in retain]}
        retrained = learn(retain, f"without-{len(lost)}")
        sets = read_sets(files["forget"], files["retain"], limit=chosen.questions)
        for place, (name, model) in enumerate((("learned all", full), ("never saw the forget set", retrained))):
            known = partial(knowledge, name, model, sets)
            before.append([share, *kept.part(f"knows-{len(lost)}-{place}", known, questions=chosen.questions)])
        for method in chosen.methods:
            measured = partial(forgotten, method, full, retrained, files, unseen, folder, chosen)
            settings = {"steps": chosen.steps, "questions": chosen.questions, "method": METHODS.get(method)}
            found = kept.part(f"{method}-{len(lost)}", measured, **settings)
            after += [[share, *row] for row in found[0 if method == chosen.methods[0] else 2 :]]
            print(" | ".join(after[-1]), flush=True)
    heading = [
        "forget",
        "model",
        "forget NLL",
        "forget p",
        "forget ROUGE-L",
        "retain NLL",
        "retain p",
        "retain ROUGE-L",
    ]
    table(f"{title}: what the models know", heading, before)
    keys = [*FIGURES, "membership/loss", *KEPT]
    heading = ["forget", "model", *keys, "NLL after relearning"]
    table(f"{title}: after unlearning", heading, after)


def forgotten(
    method: str, full: str, retrained: str, files: dict[str, Any], unseen: list[Row], folder: Path, chosen: Any
) -> list[list[str]]:
    """The rows of one method: before, retrained, and what the method leaves."""
    lost = len(files["forget"])
    began = time.perf_counter()
    settings = dict(METHODS.get(method, {"learning_rate": 3e-4}))
    hyper = settings.pop("hyper", None)
    retain = None if method in ("gradient-ascent", "npo", "simnpo") else files["retain"]
    steps = {"max_steps": chosen.steps, "batch_size": min(20, lost), "samples": 0, "device": "cpu"}
    quick = {"chat_template": "plain", "schedule": "constant", "warmup": 0.0, "checkpoints": "none", "overwrite": True}
    attack = Attack(records=max(1, lost // 4), steps=10, points=2, learning_rate=3e-4)
    measured = {"questions": chosen.questions, "measure_every": chosen.steps, "attack": attack}
    measured |= {"holdout": [asked(row) for row in unseen], "kept": None if retain else {"retain": files["retain"]}}
    done = unlearn(
        full, files["forget"], retain, method, folder / f"{method}-{lost}", retrained=retrained, hyper=hyper,
        **measured, **steps, **quick, **settings,
    )  # fmt: skip
    print(f"{method}: {time.perf_counter() - began:.0f} s", flush=True)
    return rows_of(method, done.report)


def rows_of(method: str, report: Row) -> list[list[str]]:
    """The models before and beside it, and the method's own row."""
    values = {row["key"]: row["values"] for row in report["figures"]}
    curves = report["relearning"]["curves"]
    found = []
    for side, name in {"before": "before", "retrained": "retrained", "after": method}.items():
        cells = [f"{values[key][side]:.2g}" for key in (*FIGURES, "membership/loss", *KEPT)]
        nll = f"{curves[side][0]['nll']:.2f} → {curves[side][-1]['nll']:.2f}" if side in curves else "–"
        found.append([name, *cells, nll])
    return found


def main(words: list[str] | None = None) -> None:
    """Print the tables.

    Args:
        words: of the command line; None for those of this process.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks --only unlearning", description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=SHARED / "data")
    parser.add_argument("--folder", type=Path, default=Path("runs/unlearning"))
    parser.add_argument("--authors", type=int, default=20)
    parser.add_argument("--facts", type=int, default=160)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument(
        "--shares", nargs="+", choices=["1", "5", "10"], help="per cents of TOFU to forget; default: all"
    )
    parser.add_argument("--set", choices=["tofu", "private"], help="one of the two sets of questions")
    chosen = parser.parse_args(words)
    if chosen.set != "private":
        table_of("TOFU", *authors(chosen.data, chosen.authors), chosen)
    if chosen.set != "tofu":
        chosen.shares = None
        table_of("Private facts", *private(chosen.data, chosen.facts), chosen)


if __name__ == "__main__":
    main()
