"""Recipes and words on the command line: valid keys with bad values, bad keys, and YAML that explodes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from random import Random

from .files import spoil
from .values import word, yaml_text

__all__ = ["key_words", "recipe_file"]

_NESTED = (
    "objective.name", "objective.beta", "objective.x", "objective.dpo.beta", "lora.r", "lora.alpha",
    "lora.target_modules", "lora.dropout",
    "schedule.name", "schedule_arguments.num_cycles", "schedule_arguments.x", "optimizer_arguments.betas",
    "optimizer_arguments.x",
    "reference.model", "early_stopping.patience", "mapping.prompt", "template_arguments.x", "judge.name",
    "judge.rule", "judge.path",
    "engine.name", "engine.temperature", "pairing.name", "images.size", "denoising.levels", "a.b.c", ".", "..",
    "model.x", "data.path",
)  # fmt: skip
_SENSIBLE = {
    "objective": ("dpo", "ipo", "kto", "simpo", "grpo", "dpo+0.2*nll", "dpo+", "0.1*", "((", "dpo*1e999", "nll",
    "lipo", "bradley-terry"),
    "schedule": ("linear", "cosine", "constant", "warmup_stable_decay", "reduce_lr_on_plateau", "polynomial",
    "inverse_sqrt", "florp",
                 "cosine_with_min_lr", "cosine_warmup_with_min_lr", "cosine_with_restarts", "greedy"),
    "optimizer": ("adamw_torch", "adamw_bnb_8bit", "sgd", "adafactor", "lion_8bit", "galore_adamw", "lomo",
    "grokadamw", "florp",
                  "adamw_torch_4bit", "schedule_free_adamw", "apollo_adamw", "stable_adamw", "adamw_apex_fused",
                  "adamw_anyprecision"),
    "precision": ("float16", "bfloat16", "float32", "fp8", "float64"),
    "attention": ("segments", "flex", "dense", "sequences", "flash"),
    "report_to": ("[florp]", "[wandb]", "tensorboard", "all", "none", "[none, wandb]", "[1]", "{a: b}"),
    "reference": ("initial", "cached", "none", "{model: absent}", "{model: m, adapter: absent}", "{adapter: x}"),
    "kind": ("comparison", "judgement", "ranking", "prompt", "demonstration", "florp"),
    "chat_template": ("plain", "chatml", "'{{ x.y.z }}'", "'{% for %}'", "'{{ messages[0].content }}'",
    "absent.jinja", "'{{ 1/0 }}'",
                      "'{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}'",
                      "'{{ \"x\" * 10**10 }}'"),
    "truncation": ("prompt_left", "response_right", "drop", "error"),
    "epochs": ("1e8", "1e-9", "1e300", "0", "-1", "2"),
    "max_steps": ("1e8", "100000000000", "0", "3"),
    "batch_size": ("1e30", "4", "99999999999999", "0"),
    "seed": ("99999999999999999999", "-1", "3", "4294967295"),
    "max_length": ("1", "2", "128", "99999999999", "-5"),
    "lora": ("true", "{r: 99999999999}", "{r: 0}", "{target_modules: x}", "{r: 2}"),
    "eval_share": ("0.5", "1", "0", "2", "1e-9"),
    "metric": ("loss", "accuracy", "florp"),
    "method": ("grpo", "iterative-dpo", "sppo", "spin", "rejection-sampling", "florp"),
    "judge": ("verifier", "none", "{name: function, path: 'json:loads'}", "{name: function, path: x}",
    "{name: verifier, rule: florp}",
              "{name: reward_model}", "florp", "{name: function, path: 'absent.py:f'}"),
    "device": ("cpu", "cuda"),
}  # fmt: skip
_BOMB = "\n".join(
    [f"b0: &b0 [{','.join('x' * 9)}]", *[f"b{n}: &b{n} [{','.join([f'*b{n - 1}'] * 9)}]" for n in range(1, 9)]]
)


@cache
def _keys() -> tuple[str, ...]:
    from penchant.online.recipe import OnlineRecipe
    from penchant.training.recipe import Recipe

    return tuple(dict.fromkeys([*Recipe.model_fields, *OnlineRecipe.model_fields]))


def _pair(random: Random) -> tuple[str, str]:
    """A key and its value as YAML."""
    if random.random() < 0.5:
        key = random.choice(list(_SENSIBLE))
        return key, random.choice(_SENSIBLE[key])
    if random.random() < 0.25:
        return random.choice(_NESTED), yaml_text(random)
    key = random.choice(_keys()) if random.random() < 0.93 else word(random)
    return key, yaml_text(random)


def key_words(random: Random, most: int = 3) -> list[str]:
    """Words ``key=value``."""
    return ["=".join(_pair(random)) for _ in range(random.choice((0, 0, 1, 1, most)))]


def recipe_file(folder: Path, model: Path, data: str, random: Random) -> Path:
    """A recipe, valid or not."""
    lines = [f"model: {model}", f"data: {data!r}", "output: out"]
    lines += [f"{key}: {value}" for key, value in (_pair(random) for _ in range(random.choice((0, 1, 1, 2))))]
    random.shuffle(lines)
    kind = random.random()
    if kind < 0.06:
        lines = [
            _BOMB,
            *lines,
            f"{random.choice(('objective', 'template_arguments', 'mapping', 'model', 'lora'))}: {{x: *b8}}",
        ]
    elif kind < 0.1:
        lines = ["&x", *lines]
    elif kind < 0.14:
        lines.insert(
            random.randrange(len(lines)),
            random.choice(("---", "%YAML 9.0", "\t", "- a", "? a", "...", "<<: {seed: 1}", "a: &a {<<: *a}")),
        )
    elif kind < 0.17:
        lines = ["[" * 1500]
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    if random.random() < 0.12:
        content = spoil(content, random)
    path = folder / f"recipe{random.choice(('.yaml', '.yaml', '.yml', '.json', ''))}"
    path.write_bytes(content)
    return path
