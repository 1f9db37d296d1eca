"""Engines that follow a judge: token by token and block by block."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from families import tiny_model
from penchant.errors import ConfigurationError, DataError, ModelError
from penchant.feedback.records import Prompt
from penchant.generation import Sampling, build_engine
from penchant.generation.cached_forward import left_padded
from penchant.inference.cached_rewards import CachedRewards
from penchant.rendering.renderer import Renderer
from penchant.rewards.models import RewardModel
from small_judges import JUDGES, reds
from small_runs import word_tokenizer

PROMPTS = ["which colour is the car", "the", "is the hat red"]
JUDGE = {"name": "function", "path": f"{JUDGES}:reds"}
GREEDY = Sampling(samples=2, max_new_tokens=6, temperature=0.0)


def engine_of(family: str = "llama", **settings: Any) -> Any:
    engine = build_engine(settings, Renderer(word_tokenizer()))
    engine.use(tiny_model(family, seed=1))
    return engine


def ids_of(engine: Any, sampling: Sampling, seed: int = 0) -> list[list[tuple[int, ...]]]:
    return [[each.ids for each in several] for several in engine.sample(PROMPTS, sampling, seed=seed)]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_each_token_is_the_best_of_the_likely_ones_by_likelihood_and_reward(family: str) -> None:
    engine = engine_of(family, name="args", judge=JUDGE, weight=1.5, candidates=4)
    for prompt, both in zip(PROMPTS, engine.sample(PROMPTS, GREEDY, seed=0), strict=True):
        ids, found = engine.prompt_ids(prompt), list[int]()
        for _ in range(6):
            with torch.no_grad():
                logps = engine.model(torch.tensor([ids + found])).logits[0, -1].double().log_softmax(-1)
            likely = logps.topk(4).indices.tolist()
            text = {token: engine.renderer.decode([*found, token], skip_special_tokens=True) for token in likely}
            found.append(max(likely, key=lambda token: float(logps[token]) + 1.5 * reds(prompt, text[token])))
            if found[-1] in engine.renderer.stop_token_ids:
                break
        assert [list(each.ids) for each in both] == [found, found]


def test_without_weight_or_with_one_candidate_it_is_greedy_decoding() -> None:
    plain = ids_of(engine_of(), GREEDY)
    assert ids_of(engine_of(name="args", judge=JUDGE, weight=0.0), GREEDY) == plain
    one = engine_of(name="args", judge=JUDGE, weight=5.0, candidates=1)
    assert ids_of(one, Sampling(samples=2, max_new_tokens=6, temperature=1.0), seed=4) == plain


def test_a_block_of_the_whole_length_is_best_of_n() -> None:
    sampling = Sampling(samples=1, max_new_tokens=6, temperature=1.0)
    found = engine_of(name="blockwise", judge=JUDGE, candidates=5, block=6).sample(PROMPTS, sampling, seed=3)
    plain = engine_of().sample(PROMPTS, Sampling(samples=5, max_new_tokens=6, temperature=1.0), seed=3)
    for prompt, [one], several in zip(PROMPTS, found, plain, strict=True):
        assert one == max(several, key=lambda each: reds(prompt, each.text))


def test_every_block_continues_the_best_one() -> None:
    engine = engine_of(name="blockwise", judge=JUDGE, candidates=6, block=2)
    plain = engine_of().sample(PROMPTS, Sampling(samples=1, max_new_tokens=8, temperature=1.0), seed=0)
    guided = engine.sample(PROMPTS, Sampling(samples=3, max_new_tokens=8, temperature=1.0), seed=0)
    assert all(len(each) == 3 for each in guided)
    assert all(each.finished == (each.ids[-1] == 2) and len(each.ids) <= 8 for several in guided for each in several)

    def mean(rows: Any) -> float:
        scores = [reds("", each.text) for several in rows for each in several]
        return sum(scores) / len(scores)

    assert mean(guided) > mean(plain)


def test_a_single_candidate_is_plain_sampling_of_blocks() -> None:
    sampling = Sampling(samples=1, max_new_tokens=5, temperature=1.0)
    one = engine_of(name="blockwise", judge=JUDGE, candidates=1, block=5)
    assert ids_of(one, sampling, seed=2) == ids_of(engine_of(), sampling, seed=2)


def test_a_judge_that_is_missing_or_silent_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="judge"):
        build_engine({"name": "args"}, Renderer(word_tokenizer()))
    with pytest.raises(ConfigurationError, match=r"(?s)engine blockwise needs a judge.*--judge"):
        engine_of(name="blockwise", judge="none").sample(PROMPTS, GREEDY, seed=0)
    with pytest.raises(ModelError, match="no model"):
        build_engine({"name": "args", "judge": JUDGE}, Renderer(word_tokenizer())).sample(PROMPTS, GREEDY, seed=0)


@pytest.mark.parametrize("kind", ["alone", "ensemble"])
@pytest.mark.parametrize("name", ["args", "blockwise"])
def test_a_judge_of_an_engine_reads_the_records(name: str, kind: str) -> None:
    verifier: dict[str, Any] = {"name": "verifier", "rule": "contains"}
    judge = verifier if kind == "alone" else {"name": "ensemble", "judges": [verifier], "normalise": False}
    engine = engine_of(name=name, judge=judge)
    engine.read([Prompt(prompt=each, fields={"answer": "red"}) for each in PROMPTS])
    assert len(engine.sample(PROMPTS, Sampling(max_new_tokens=3), seed=0)) == len(PROMPTS)
    with pytest.raises(DataError, match="no answer for the prompt"):
        engine_of(name=name, judge=judge).sample(PROMPTS, Sampling(max_new_tokens=3), seed=0)


@pytest.mark.parametrize("family", ["Llama", "GPT2"])
def test_a_reward_model_with_the_same_tokens_gives_the_rewards_of_whole_texts(family: str) -> None:
    """Cached rewards equal the judge's scores of the texts, for every candidate at every step."""
    import transformers

    config = type(tiny_model(family.lower()).config)
    torch.manual_seed(3)
    tokenizer = word_tokenizer()
    sizes = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_labels": 1}
    sizes |= {"num_attention_heads": 4, "num_key_value_heads": 2, "n_embd": 32, "n_layer": 2, "n_head": 4}
    network = getattr(transformers, f"{family}ForSequenceClassification")(config(**sizes)).eval()
    judge = RewardModel(network, tokenizer)
    assert CachedRewards.fits(judge, tokenizer, PROMPTS, 20)
    cached = CachedRewards(judge, PROMPTS)
    ids, _ = left_padded([judge.renderer.prompt_ids(each) for each in PROMPTS], 0, "cpu")
    ids = ids.repeat_interleave(2, 0)
    generator = torch.Generator().manual_seed(0)
    response = torch.zeros(6, 0, dtype=torch.long)
    for step in range(4):
        tokens = torch.randint(4, len(tokenizer), (6, 3), generator=generator)
        tokens[step % 6, 1] = 2  # the end token
        found = cached(torch.cat([ids, response], 1), tokens)
        for row in range(6):
            texts = [
                tokenizer.decode([*response[row].tolist(), token], skip_special_tokens=True)
                for token in tokens[row].tolist()
            ]
            wanted = judge.score(PROMPTS[row // 2], texts)
            assert found[row].tolist() == pytest.approx(wanted, abs=1e-5)
        response = torch.cat([response, tokens[:, :1]], 1)


def test_another_vocabulary_or_too_little_room_is_scored_as_texts() -> None:
    from transformers import LlamaConfig, LlamaForSequenceClassification

    config = LlamaConfig(
        vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=4, num_labels=1
    )
    judge = RewardModel(LlamaForSequenceClassification(config), word_tokenizer(), max_length=12)
    assert CachedRewards.fits(judge, word_tokenizer(), PROMPTS, 6) and not CachedRewards.fits(
        judge, word_tokenizer(), PROMPTS, 9
    )
    more = word_tokenizer()
    more.add_tokens(["later"])
    assert not CachedRewards.fits(judge, more, PROMPTS, 6)


def test_a_text_ends_a_response_of_blocks_too() -> None:
    sampling = Sampling(samples=1, max_new_tokens=12, temperature=1.0)
    whole = engine_of(name="blockwise", judge=JUDGE, candidates=2, block=3)
    texts = [each.text for [each] in whole.sample(PROMPTS, sampling, seed=1)]
    word = texts[0].split()[0]
    stopped = engine_of(name="blockwise", judge=JUDGE, candidates=2, block=3)
    stopped.stop_strings = (word,)
    [[first], *_] = stopped.sample(PROMPTS, sampling, seed=1)
    assert word not in first.text and first.finished
    assert stopped.renderer.decode([first.ids[-1]]) == word, "nothing is written after it"
