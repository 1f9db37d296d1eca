"""``python -m benchmarks --only search``: what keeping keys and values along the branches of a tree search saves.

A random model of two layers writes steps of twelve tokens after prompts of 64. The search makes 64 iterations before
each move, and asks the policy about every step. What is not read again is what a program without such a cache
would read anew: the beginning of every step that is continued, once for all its samples, and of every question.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from penchant.feedback.records import Prompt, Source
from penchant.generation import build_engine
from penchant.generation.responses import Sampling
from penchant.online.samplers.sampler import Means
from penchant.online.samplers.search.visits import Search
from penchant.rendering.renderer import Renderer
from penchant.rewards import Verifier

VOCABULARY, WIDTH, PROMPT, PROMPTS = 500, 128, 64, 4


def engine() -> Any:
    """An engine of a random model."""
    words = ["<pad>", "<s>", "</s>", "<unk>", "\n", "yes", "no", *(f"w{place}" for place in range(VOCABULARY - 7))]
    backend = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|\n"), "removed", invert=True)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = LlamaForCausalLM(config).eval()
    built = build_engine({"name": "transformers"}, Renderer(tokenizer))
    built.use(model)
    return built


def search() -> tuple[list[str], list[list[str]]]:
    """The heading and the row of the table."""
    sampler = Search(
        iterations=64, root_factor=1, depth=5, actions=3, root_actions=4, step_tokens=12, words=["yes", "no"]
    )
    built = engine()
    records = [
        Prompt(
            prompt=" ".join(f"w{(start * 97 + place * 31) % 490}" for place in range(PROMPT)) + "\n",
            source=Source("made", start + 1),
            fields={"answer": "w1"},
        )
        for start in range(PROMPTS)
    ]
    judge = Verifier([(str(each.prompt), "w1") for each in records], rule="contains")
    began = time.perf_counter()
    found = sampler.draw(records, Means(built, judge), Sampling(max_new_tokens=72), seed=0)
    seconds = time.perf_counter() - began
    names = ("nodes", "tokens_drawn", "tokens_read", "prefix_tokens_saved")
    plain = [f"{statistics.fmean(each.facts[name] for each in found):,.0f}" for name in names]
    share = statistics.fmean(each.facts["prefix_share_saved"] for each in found)
    heading = ["steps a tree", "tokens drawn", "tokens read", "not read again", "share saved", "seconds for all trees"]
    return heading, [[*plain, f"{share:.0%}", f"{seconds:.1f}"]]
