"""Engines of several models: each step equals the plain formula on whole sequences, without caches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from families import tiny_model
from penchant.errors import ConfigurationError, ModelError
from penchant.generation import Sampling, build_engine
from penchant.generation.cached_forward import left_padded
from penchant.inference.mixtures import eft_logits
from penchant.rendering.renderer import Renderer
from small_runs import word_tokenizer

PROMPTS = ["which colour is the car", "is the hat red", "the"]
FAMILIES = ("llama", "gpt2", "gemma3")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    root, found = tmp_path_factory.mktemp("models"), {}
    for number, name in enumerate(("tuned", "other", "reference")):
        folder = root / name
        tiny_model("qwen3" if name == "tuned" else "llama", seed=10 + number).save_pretrained(folder)
        word_tokenizer().save_pretrained(folder)
        found[name] = str(folder)
    return found


def engine_of(family: str, **settings: Any) -> Any:
    engine = build_engine(settings, Renderer(word_tokenizer()))
    engine.use(tiny_model(family, seed=1))
    return engine


def plain_greedy(engine: Any, prompt: str, formula: Callable[[list[Tensor]], Tensor], steps: int) -> list[int]:
    """Greedy decoding of a formula of log-probabilities; every model reads the whole sequence at each step."""
    models = [engine.model, *(each.model for each in engine.companions())]
    ids, found = engine.prompt_ids(prompt), []
    for _ in range(steps):
        with torch.no_grad():
            logits = [model(torch.tensor([ids + found])).logits[0, -1].double() for model in models]
        found.append(int(formula(logits).argmax()))
        if found[-1] in engine.renderer.stop_token_ids:
            break
    return found


def lp(logits: Tensor) -> Tensor:
    return logits.log_softmax(-1)


CASES: dict[str, tuple[dict[str, Any], Callable[[list[Tensor]], Tensor]]] = {
    "eft": (
        {"name": "eft", "tuned": ["tuned", "other"], "reference": "reference", "weights": [0.7, -0.4]},
        lambda m: lp(m[0]) + 0.7 * (lp(m[1]) - lp(m[3])) - 0.4 * (lp(m[2]) - lp(m[3])),
    ),
    "eft of the policy itself": (
        {"name": "eft", "tuned": "tuned", "reference": "policy", "weights": [0.3]},
        lambda m: 0.7 * lp(m[0]) + 0.3 * lp(m[1]),
    ),
    "conservative eft": (
        {"name": "eft", "tuned": ["tuned"], "reference": "reference", "nucleus": 0.5},
        lambda m: lp(m[0]) + (lp(m[1]) - lp(m[2])) * by_hand_nucleus(m[1], 0.5),
    ),
    "mixture": (
        {"name": "mixture", "models": ["tuned", "other"], "weights": [0.2, 0.5, 0.3]},
        lambda m: 0.2 * lp(m[0]) + 0.5 * lp(m[1]) + 0.3 * lp(m[2]),
    ),
    "arithmetic mixture": (
        {"name": "mixture", "models": "tuned", "mean": "arithmetic"},
        lambda m: m[0].softmax(-1) + m[1].softmax(-1),
    ),
    "realignment": (
        {"name": "realignment", "reference": "reference", "strength": 1.7},
        lambda m: 1.7 * lp(m[0]) - 0.7 * lp(m[1]),
    ),
    "autoregressive reward": (
        {"name": "autoregressive-reward", "reward_model": "tuned", "beta": 0.4},
        lambda m: lp(m[0]) + 2.5 * lp(m[1]),
    ),
}


def by_hand_nucleus(logits: Tensor, mass: float) -> Tensor:
    kept, total = torch.zeros_like(logits), 0.0
    for place in logits.argsort(descending=True).tolist():
        if total >= mass:
            break
        kept[place], total = 1.0, total + float(logits.softmax(-1)[place])
    return kept


def with_folders(settings: dict[str, Any], folders: dict[str, str]) -> dict[str, Any]:
    def named(value: Any) -> Any:
        return [folders.get(each, each) for each in value] if isinstance(value, list) else folders.get(value, value)

    return {key: named(value) if isinstance(value, str | list) else value for key, value in settings.items()}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_every_step_equals_the_plain_formula(case: str, family: str, folders: dict[str, str]) -> None:
    settings, formula = CASES[case]
    engine = engine_of(family, **with_folders(settings, folders))
    sampled = engine.sample(PROMPTS, Sampling(samples=2, max_new_tokens=8, temperature=0.0), seed=0)
    for prompt, both in zip(PROMPTS, sampled, strict=True):
        wanted = plain_greedy(engine, prompt, formula, 8)
        assert [list(each.ids) for each in both] == [wanted, wanted]


def test_conservative_decoding_with_the_whole_nucleus_is_plain_eft() -> None:
    torch.manual_seed(0)
    base, tuned, reference = torch.randn(3, 5, 9, dtype=torch.float64)
    plain, whole = (eft_logits(base, [tuned], reference, [0.8], top_p=p).log_softmax(-1) for p in (None, 1.0))
    torch.testing.assert_close(plain, whole)
    assert torch.equal(eft_logits(base, [tuned], reference, [0.0]), base)
    torch.testing.assert_close(eft_logits(base, [tuned], base, [1.0]), tuned)
    torch.testing.assert_close(eft_logits(base, [reference], reference, [3.0]), base)
    shifted = eft_logits(base + 2, [tuned - 1], reference + 5, [0.8]).softmax(-1)
    torch.testing.assert_close(shifted, plain.exp())
    both = eft_logits(base, [tuned, tuned], reference, [0.6, 0.4])
    torch.testing.assert_close(both, eft_logits(base, [tuned], reference, [1.0]))


def test_sampling_settings_apply_to_the_combination(folders: dict[str, str]) -> None:
    settings = with_folders(CASES["eft"][0], folders)
    engine = engine_of("llama", **settings)
    narrow = engine.sample(PROMPTS, Sampling(samples=3, max_new_tokens=6, temperature=1.0, top_p=1e-6), seed=3)
    greedy = engine.sample(PROMPTS, Sampling(samples=3, max_new_tokens=6, temperature=0.0), seed=0)
    assert [[each.ids for each in several] for several in narrow] == [
        [each.ids for each in several] for several in greedy
    ]


@pytest.mark.parametrize("family", ["llama", "gemma3"])
@pytest.mark.parametrize("draft", [1, 3, 20])
def test_drafted_tokens_change_nothing_where_nothing_is_drawn(draft: int, family: str, folders: dict[str, str]) -> None:
    settings = with_folders(CASES["eft"][0], folders)
    sampling = Sampling(samples=1, max_new_tokens=8, temperature=0.0)
    plain = engine_of(family, **settings).sample(PROMPTS, sampling, seed=0)
    drafted = engine_of(family, **settings, draft=draft).sample(PROMPTS, sampling, seed=0)
    assert [each[0].ids for each in drafted] == [each[0].ids for each in plain]


def test_drafted_tokens_have_the_combined_distribution(folders: dict[str, str]) -> None:
    engine = engine_of("llama", **with_folders(CASES["eft"][0], folders), draft=2)
    models = [engine.model, *(each.model for each in engine.companions())]
    ids = torch.tensor([engine.prompt_ids(PROMPTS[0])])
    with torch.no_grad():
        logits = [model(ids).logits[0, -1].double() for model in models]
    wanted, draft = (each.div(1.5).softmax(-1) for each in (CASES["eft"][1](logits), logits[1]))
    [sampled] = engine.sample(PROMPTS[:1], Sampling(samples=400, max_new_tokens=1, temperature=1.5), seed=0)
    found = torch.bincount(torch.tensor([each.ids[0] for each in sampled]), minlength=len(wanted)) / 400

    def distance(other: Tensor) -> float:
        return float((found - other).abs().sum() / 2)

    assert distance(wanted) < 0.15 < 0.3 < distance(draft), "total variation"


def test_a_model_with_another_vocabulary_is_refused(tmp_path: Path) -> None:
    other = word_tokenizer()
    tiny_model("llama").save_pretrained(tmp_path)
    other.add_tokens(["later"])
    other.save_pretrained(tmp_path)
    assert engine_of("llama", name="mixture", models=[str(tmp_path)]).companions(), "more tokens do no harm"
    swapped = Renderer(other)
    engine = build_engine({"name": "mixture", "models": [str(tmp_path)]}, swapped)
    engine.use(tiny_model("llama"))
    word_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"(?s)token 'later' has the id .* is absent there.*same tokenizer"):
        engine.companions()


def test_what_is_missing_is_said(folders: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"(?s)tuned from is not known.*engine.reference=policy"):
        engine_of("llama", name="eft", tuned=[folders["tuned"]])
    with pytest.raises(ConfigurationError, match=r"\(top_k\) have no effect on drafted"):
        engine_of("llama", name="eft", tuned=[folders["tuned"]], reference="policy", draft=2, options={"top_k": 3})
    with pytest.raises(ConfigurationError, match="2 weights for 1 tuned model"):
        engine_of("llama", name="eft", tuned=[folders["tuned"]], reference="policy", weights=[1.0, 2.0])
    with pytest.raises(ConfigurationError, match="below 0"):
        engine_of("llama", name="mixture", models=folders["tuned"], mean="arithmetic", weights=[2.0, -1.0]).sample(
            PROMPTS[:1], Sampling(max_new_tokens=1), seed=0
        )


def test_the_start_of_a_run_is_its_reference(tmp_path: Path, folders: dict[str, str]) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "model").symlink_to(folders["tuned"])
    (run / "recipe.yaml").write_text(f"model: {folders['reference']}\n", encoding="utf-8")
    engine = engine_of("llama", name="eft", tuned=[str(run)])
    assert engine.names() == [(str(run), "tuned"), (folders["reference"], "reference")]
    assert len(engine.companions()) == 2


def test_a_realigned_run_finds_its_start(tmp_path: Path, folders: dict[str, str]) -> None:
    engine = engine_of("llama", name="realignment")
    with pytest.raises(ConfigurationError, match=r"engine\.reference=FOLDER"):
        engine.names()
    (tmp_path / "recipe.yaml").write_text(f"model: {folders['reference']}\n", encoding="utf-8")
    engine.model.config._name_or_path = engine.model.name_or_path = str(tmp_path / "model")
    assert engine.names() == [(folders["reference"], "reference")]


def test_each_model_reads_one_token_a_step(folders: dict[str, str]) -> None:
    engine = engine_of("llama", **with_folders(CASES["eft"][0], folders))
    shapes: list[list[tuple[int, ...]]] = []

    def watch(model: torch.nn.Module) -> Any:
        own: list[tuple[int, ...]] = []
        shapes.append(own)
        return model.register_forward_pre_hook(
            lambda m, a, k: own.append(tuple(k["input_ids"].shape)), with_kwargs=True
        )

    hooks = [watch(each.model) for each in engine.companions()]
    [responses] = engine.sample(PROMPTS[:1], Sampling(samples=3, max_new_tokens=5, temperature=1.0), seed=5)
    steps = max(len(each.ids) for each in responses)
    for hook, own in zip(hooks, shapes, strict=True):
        hook.remove()
        assert own == [(1, len(engine.prompt_ids(PROMPTS[0]))), *[(3, 1)] * (steps - 1)], (
            "the prompt once, then one token a row"
        )


def test_beam_search_keeps_the_rows_of_the_followers(folders: dict[str, str]) -> None:
    """Beam search of transformers over the combination equals that over a model that is the combination."""
    engine = engine_of("llama", **with_folders(CASES["realignment"][0], folders))
    ids = torch.tensor([engine.prompt_ids(PROMPTS[0])])
    options = {"max_new_tokens": 6, "num_beams": 3, "do_sample": False, "eos_token_id": 2, "pad_token_id": 0}
    cached = engine.model.generate(ids, logits_processor=list(engine.guide(PROMPTS[:1], Sampling())([0])), **options)
    [slow] = engine.guide(PROMPTS[:1], Sampling())([0])
    for each in slow.followers:
        each.cached = False
    assert torch.equal(cached, engine.model.generate(ids, logits_processor=[slow], **options))


@pytest.mark.parametrize("case", CASES)
def test_the_combined_log_probabilities_are_those_of_the_plain_formula(case: str, folders: dict[str, str]) -> None:
    """Not only the best token: the whole distribution, at every step of random responses of three prompts."""
    settings, formula = CASES[case]
    engine = engine_of("llama", **with_folders(settings, folders))
    prompts = [engine.prompt_ids(prompt) for prompt in PROMPTS]
    ids, mask = left_padded(prompts, 0, "cpu")
    [processor] = engine.guide(PROMPTS, Sampling())(range(3))
    models = [engine.model, *(each.model for each in engine.companions())]
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        rows = [row[row_mask.bool()] for row, row_mask in zip(ids, mask, strict=True)]
        with torch.no_grad():
            logits = [torch.stack([model(row[None]).logits[0, -1] for row in rows]) for model in models]
        found = processor(ids, logits[0]).log_softmax(-1).double()
        for place in range(3):
            wanted = formula([each[place].double() for each in logits])
            wanted = wanted.log() if case.startswith("arithmetic") else wanted
            torch.testing.assert_close(found[place], wanted.log_softmax(-1), atol=2e-4, rtol=1e-4)
        drawn = torch.randint(3, 28, (3, 1), generator=generator)
        ids, mask = torch.cat([ids, drawn], 1), torch.cat([mask, torch.ones_like(drawn)], 1)
