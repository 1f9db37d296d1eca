"""What both sides of a benchmark share: the same model, the same tokens, the same order."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHARED = Path(__file__).resolve().parents[2] / "shared"
PAIRS = SHARED / "data" / "hh_harmless.jsonl.gz"

BATCH = 8
MAX_LENGTH = 512
VOCABULARY = 8192


@dataclass(frozen=True)
class Setting:
    """A work folder with ``model/`` (random Llama, tokenizer) and ``pairs.jsonl``."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def groups(self) -> Path:
        return self.folder / "groups.jsonl"

    @property
    def pairs(self) -> Path:
        return self.folder / "pairs.jsonl"

    @property
    def judged(self) -> Path:
        return self.folder / "judged.jsonl"

    @property
    def judged_backwards(self) -> Path:
        return self.folder / "judged-backwards.jsonl"


def prepare(folder: Path, pairs: int, prompt_tokens: int = 0) -> Setting:
    """Build the model and choose the pairs, once.

    Args:
        folder: made anew.
        pairs: how many.
        prompt_tokens: where given, prompts are lengthened to about so many tokens with other prompts in front.
    """
    if not PAIRS.is_file():
        raise SystemExit(
            f"The benchmark needs {PAIRS.name} of the shared data folder, which is absent beside the checkout."
        )
    setting = Setting(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rows = _rows()
    tokenizer = _tokenizer(rows)
    tokenizer.save_pretrained(setting.model)
    _model(tokenizer).save_pretrained(setting.model)
    if prompt_tokens:
        rows = _lengthened(tokenizer, rows, prompt_tokens)
    # Nothing is cut on either side, so that truncation rules cannot make a difference.
    limit = max(MAX_LENGTH, prompt_tokens + 280)
    fitting = [row for row in rows if _longest(tokenizer, row) <= limit][:pairs]
    setting.pairs.write_text("".join(json.dumps(row) + "\n" for row in fitting), encoding="utf-8")
    return setting


def write_groups(setting: Setting, responses: int, groups: int) -> None:
    """Prompts with several responses each, as token ids: the shape of rankings and of sampled groups."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(setting.model)
    rows = [json.loads(line) for line in setting.pairs.read_text(encoding="utf-8").splitlines()]
    texts = [row[side] for row in rows for side in ("chosen", "rejected")]
    with setting.groups.open("w", encoding="utf-8") as file:
        for number, row in enumerate(rows[:groups]):
            several = [texts[(number * 7 + 3 * place) % len(texts)] for place in range(responses)]
            ids = [[*tokenizer(text).input_ids, tokenizer.eos_token_id] for text in several]
            file.write(json.dumps({"prompt": tokenizer(row["prompt"]).input_ids, "responses": ids}) + "\n")


def write_judgements(setting: Setting) -> None:
    """The pairs cut into judgements; and the same with the order of every batch reversed.

    Penchant's partner of an example is the next one of its batch, TRL's the one before, so the latter is for TRL.
    """
    pairs = [json.loads(line) for line in setting.pairs.read_text(encoding="utf-8").splitlines()]
    rows = [
        {"prompt": pair["prompt"], "completion": pair[side], "label": side == "chosen"}
        for pair in pairs
        for side in ("chosen", "rejected")
    ]
    batches = [rows[start : start + 2 * BATCH] for start in range(0, len(rows), 2 * BATCH)]
    backwards = [row for batch in batches for row in reversed(batch)]
    for path, written in ((setting.judged, rows), (setting.judged_backwards, backwards)):
        path.write_text("".join(json.dumps(row) + "\n" for row in written), encoding="utf-8")


def _lengthened(tokenizer: Any, rows: list[dict[str, str]], tokens: int) -> list[dict[str, str]]:
    """Prompts of about ``tokens`` tokens (earlier conversations in front), with responses of at most 64."""
    result, past = [], ""
    for row in rows:
        past = past + row["prompt"]
        ids = tokenizer(past).input_ids
        if len(ids) > tokens:
            past = tokenizer.decode(ids[-tokens:])
            short = all(len(tokenizer(row[side]).input_ids) <= 64 for side in ("chosen", "rejected"))
            if short:
                result.append({**row, "prompt": past})
    return result


def _rows() -> list[dict[str, str]]:
    with gzip.open(PAIRS, "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    names = {"user": "Human", "assistant": "Assistant"}
    rows = []
    for record in records:
        if record["split"] != "train":
            continue
        turns = "".join(f"\n\n{names[turn['role']]}: {turn['content']}" for turn in record["prompt"])
        # The space belongs to the response: prompt and response meet at a token boundary for both sides.
        rows.append(
            {
                "prompt": turns + "\n\nAssistant:",
                "chosen": " " + record["chosen"],
                "rejected": " " + record["rejected"],
            }
        )
    return rows


def _tokenizer(rows: list[dict[str, str]]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=["<pad>", "<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator((text for row in rows for text in row.values()), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>")


def _model(tokenizer: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=2048,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def _longest(tokenizer: Any, row: dict[str, str]) -> int:
    return 1 + max(len(tokenizer(row["prompt"] + row[side]).input_ids) for side in ("chosen", "rejected"))
