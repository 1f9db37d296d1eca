"""``python -m benchmarks --only decoding``: what combining models costs beyond their own forward passes.

Each engine generates; beside it, each of its models makes the same forward passes alone: the prompts once, then one
token a row, with keys and values. Both are measured in turn, several times.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from penchant.generation import Sampling, build_engine
from penchant.generation.cached_forward import CachedForward
from penchant.rendering.renderer import Renderer

#: Tokens, width, layers, prompts, tokens of a prompt, samples, new tokens.
VOCABULARY, WIDTH, LAYERS, PROMPTS, PROMPT, SAMPLES, NEW = 8000, 512, 8, 4, 64, 4, 48

Row = dict[str, Any]


def word_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """A tokenizer of ``size`` words: w4, w5, ..., and four of its own."""
    words = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3} | {f"w{place}": place for place in range(4, size)}
    backend = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def made(folder: Path) -> dict[str, str]:
    """Three models of one size, and their tokenizer."""
    tokenizer = word_tokenizer(VOCABULARY)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    found = {}
    for seed, name in enumerate(("policy", "tuned", "reference")):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config)
        with torch.no_grad():  # an end token is never likely, so that every side makes the same steps
            model.lm_head.weight[2] = 0
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        found[name] = str(folder / name)
    return found


@torch.no_grad()
def forwards(model: Any, prompts: list[list[int]]) -> None:
    """The forward passes of one model in a generation, and nothing else."""
    forward = CachedForward(model, prompts).repeat(SAMPLES)
    token = torch.full((len(prompts) * SAMPLES,), 5)
    for _ in range(NEW - 1):
        forward.advance(token)


def timed(act: Any) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def decoding(repeats: int) -> tuple[list[str], list[list[str]]]:
    """The heading and the rows of the table."""
    import transformers

    transformers.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as name:
        folders = made(Path(name))
        cases = {
            "transformers": {},
            "eft": {"tuned": [folders["tuned"]], "reference": folders["reference"]},
            "mixture": {"models": [folders["tuned"], folders["reference"]]},
            "realignment": {"reference": folders["reference"], "strength": 2.0},
            "autoregressive-reward": {"reward_model": folders["tuned"]},
        }
        return ["engine", "models", "generation, s", "its models' forwards, s", "ratio"], [
            row(engine, settings, folders["policy"], repeats) for engine, settings in cases.items()
        ]


def row(engine: str, settings: Row, policy: str, repeats: int) -> list[str]:
    from penchant.likelihood.loading import load_model
    from penchant.rendering.tokenizer import load_tokenizer

    built: Any = build_engine({"name": engine, **settings}, Renderer(load_tokenizer(policy)))
    built.use(load_model(policy))
    texts = [
        " ".join(f"w{4 + (start * 977 + place * 31) % (VOCABULARY - 4)}" for place in range(PROMPT))
        for start in range(PROMPTS)
    ]
    ids = [built.prompt_ids(text) for text in texts]
    models_used = [built.model, *(each.model for each in (built.companions() if engine != "transformers" else ()))]
    sampling = Sampling(samples=SAMPLES, max_new_tokens=NEW, temperature=1.0)

    def generate() -> None:
        found = built.sample(texts, sampling, seed=0)
        assert all(len(each.ids) == NEW for several in found for each in several), "every side makes the same steps"

    generate()
    pairs = [
        (timed(generate), sum(timed(lambda each=each: forwards(each, ids)) for each in models_used))
        for _ in range(repeats)
    ]
    ratios = [whole / alone for whole, alone in pairs]
    whole, alone = (statistics.median(each) for each in zip(*pairs, strict=True))
    shown = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
    return [engine, str(len(models_used)), f"{whole:.2f}", f"{alone:.2f}", shown]
