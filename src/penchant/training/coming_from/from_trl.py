"""Translation of a YAML file for TRL: a configuration of a trainer, with keys of its scripts and of `ModelConfig`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from penchant.errors import ConfigurationError, nearest
from penchant.training.coming_from.adapters import KEYS, lora
from penchant.training.coming_from.arguments import trainer_arguments
from penchant.training.coming_from.losses import cpo, judgements, pairwise, reward_model, with_likelihood
from penchant.training.coming_from.translation import Translation, finite, number, words

__all__ = ["LORA", "ONLINE", "TRAINERS", "adapter", "from_trl", "kept_types", "tokens", "trainer_of", "trl_data"]

#: The default learning rate of each trainer whose file can be translated.
TRAINERS = {"dpo": 1e-6, "kto": 1e-6, "cpo": 1e-6, "orpo": 1e-6, "sft": 2e-5, "reward": 1e-4}

#: The trainers that sample responses; `penchant.online.coming_from` translates their files.
ONLINE = ("grpo", "rloo", "ppo", "online-dpo", "nash-md", "xpo")

#: Keys that only one trainer has.
MARKS = {
    "ppo": ("num_ppo_epochs", "num_mini_batches", "cliprange", "cliprange_value", "vf_coef", "sft_model_path"),
    "nash-md": ("mixture_coef",),
    "online-dpo": ("missing_eos_penalty", "reward_model_path"),
    "rloo": ("normalize_advantages", "reward_clip_range", "rloo_k"),
    "grpo": (
        *("num_generations", "max_tool_calling_iterations", "num_iterations", "reward_funcs", "scale_rewards"),
        *("mask_truncated_completions", "importance_sampling_level", "top_entropy_quantile", "reward_weights"),
    ),
    "reward": ("center_rewards_coefficient",),
    "kto": ("desirable_weight", "undesirable_weight"),
    "cpo": ("cpo_alpha", "simpo_gamma"),
    "sft": ("packing", "assistant_only_loss", "completion_only_loss", "dataset_text_field", "dataset_kwargs"),
    "dpo": ("loss_weights", "rpo_alpha", "ld_alpha", "f_divergence_type", "discopop_tau", "use_weighting"),
}

LORA = KEYS | {"rslora": "use_rslora", "dora": "use_dora"}


def from_trl(found: Translation, path: Path, trainer: str | None) -> None:
    """Translate the file.

    Args:
        found: the translation.
        path: the file, whose name may name the trainer.
        trainer: the trainer that reads the file; None to tell from the keys and the path.

    Raises:
        ConfigurationError: it belongs to a trainer that has no counterpart.
    """
    name = trainer or trainer_of(found, path)
    if name not in TRAINERS:
        raise _refused(name)
    found.recipe["model"] = found.take("model_name_or_path")
    trl_data(found)
    found.put("objective", _objective(found, name))
    if name == "sft":
        _learned(found)
    tokens(found)
    _reference(found, name)
    adapter(found)
    trainer_arguments(found, TRAINERS[name])
    kept_types(found)


def adapter(found: Translation) -> None:
    """Translate the adapter, if there is one."""
    if found.take("use_peft") or found.has("lora_r"):
        lora(found, LORA, rank=16, alpha=32.0, quantized=bool(found.take("load_in_4bit")))
        if not found.has("lora_target_modules"):
            found.note("lora.targets is all-linear; peft chooses fewer layers where TRL's file names none.")


def kept_types(found: Translation) -> None:
    """Translate checkpointing of activations, the number type of the model, and the router's loss."""
    found.move("gradient_checkpointing", "gradient_checkpointing", True)
    dtype = found.take("dtype", found.take("torch_dtype"))
    if dtype in ("bfloat16", "float16") and "precision" not in found.recipe:
        found.put("precision", dtype)
    found.move("router_aux_loss_coef", "router_aux_loss")


def _learned(found: Translation) -> None:
    """Translate which turns of a conversation are learned."""
    if found.take("assistant_only_loss"):
        found.put("train_on", "assistant")
    elif not found.given.get("completion_only_loss"):
        found.note(
            "Of conversations TRL learns every token, also the user's; here the last answer (train_on: last) or all "
            "answers (train_on: assistant) are learned."
        )


def trainer_of(found: Translation, path: Path) -> str:
    """The trainer by keys that only one has, else by the path, else DPO."""
    loss = words(found.given.get("loss_type"))
    place = " ".join([path.parent.name, path.stem]).lower().replace("_", "-")
    named = [name for name in ONLINE if name in re.split(r"[^a-z-]+|-(?!dpo|md)", place)]
    for name, keys in MARKS.items():
        if any(found.has(key) for key in keys):
            return named[0] if named and name in ONLINE else name
    if named:
        return named[0]
    for name in TRAINERS:
        if name in place and not (name == "dpo" and loss == ["kto"]):
            return "orpo" if name == "cpo" and "orpo" in place else name
    if set(loss) & {"kto", "apo_zero_unpaired"}:
        return "kto"
    found.note("The file does not say which trainer reads it; it is taken for DPO (--trainer names another).")
    return "dpo"


def _refused(name: str) -> ConfigurationError:
    if name in ONLINE:
        fix = f"Start from `penchant online {name}`; docs/coming-from.md answers every key."
        return ConfigurationError("This is a file for online training, which has recipes of its own.", fix=fix)
    known = [*TRAINERS, *ONLINE]
    return ConfigurationError(
        f"There is no trainer {name!r}. {nearest(name, known)}", where="--trainer", fix=f"Known: {', '.join(known)}."
    )


def trl_data(found: Translation) -> None:
    """Translate data and splits."""
    mixture = found.take("datasets", found.take("dataset_mixer"))
    if isinstance(mixture, dict):
        mixture = [{"path": path, "weight": weight} for path, weight in mixture.items()]
    single = found.take("dataset_name")
    if single is None and mixture and len(mixture) == 1:
        single = mixture[0]["path"]
        found.put("split", mixture[0].get("split"))
    if single is not None:
        found.put("data", single)
    elif mixture:
        found.put("data", [_part(each) for each in mixture])
        found.note("The files of the mixture are joined in TRL; here weights say each one's share of an epoch.")
    splits = words(found.take("dataset_splits"))
    train = found.take("dataset_train_split", splits[0] if splits else None)
    # A file of one's own has no splits; of a hub id TRL reads the split `train` unless another is named.
    own = single is not None and bool(Path(str(single)).suffix)
    if train is None and single is not None and not own:
        train = "train"
    if own and train == "train":
        train = None
    if train is not None and "split" not in found.recipe:
        found.put("split", train)
    evaluated = found.given.get("eval_strategy", found.given.get("evaluation_strategy", "no")) != "no"
    test = found.take("dataset_test_split", splits[1] if len(splits) > 1 else ("test" if evaluated and train else None))
    if evaluated:
        found.put("eval_split", test)
    if found.has("test_split_size"):
        found.move("test_split_size", "eval_share")
        found.recipe.pop("eval_split", None)


def _part(given: dict[str, Any]) -> dict[str, Any]:
    """A data set of a mixture; of a hub id TRL reads the split `train` unless another is named."""
    path, split = str(given["path"]), given.get("split")
    split = split or (None if Path(path).suffix else "train")
    return {"path": path, "weight": float(given.get("weight", 1.0)), **({"split": split} if split else {})}


def _objective(found: Translation, trainer: str) -> dict[str, Any]:
    """The objective of the trainer and its loss."""
    names = (
        "beta label_smoothing discopop_tau ld_alpha use_weighting f_divergence_type f_alpha_divergence_coef "
        "reference_free cpo_alpha simpo_gamma"
    ).split()
    settings = {name: number(found.take(name)) for name in names if found.has(name)}
    losses = words(found.take("loss_type"))
    if trainer == "sft":
        return _supervised(losses)
    if trainer == "reward":
        return reward_model(finite(found.take("center_rewards_coefficient", 0.0), "center_rewards_coefficient"))
    if trainer == "orpo":
        return {"name": "orpo", "lambda": settings.get("beta", 0.1)}
    if trainer == "cpo":
        return cpo(losses[0] if losses else "sigmoid", settings)
    if trainer == "kto":
        weights = {key: number(found.take(key, 1.0)) for key in ("desirable_weight", "undesirable_weight")}
        return judgements(losses[0] if losses else "kto", settings.get("beta", 0.1), weights)
    weights_of_losses = found.take("loss_weights")
    objective = pairwise(losses or ["sigmoid"], weights_of_losses, {"beta": 0.1, **settings})
    if "nll" in objective["name"] or found.has("rpo_alpha"):
        found.note(
            "TRL averages the likelihood term over the tokens of a batch; nll is the mean per token of a response."
        )
    return with_likelihood(objective, finite(found.take("rpo_alpha", 0), "rpo_alpha"))


def _supervised(losses: list[str]) -> dict[str, Any]:
    """The objective of a loss of TRL's SFTTrainer."""
    if losses and losses[0] not in ("nll", "chunked_nll"):
        raise ConfigurationError(
            f"The loss {losses[0]!r} of supervised fine-tuning is not one of the objectives.",
            where="loss_type",
            why="dft weighs each token's likelihood by its probability." if losses[0] == "dft" else None,
            fix="Nearest is nll, the likelihood itself: remove loss_type. A loss of your own is "
            "objective: {path: FILE.py:NAME}.",
        )
    return {"name": "nll"}


def tokens(found: Translation) -> None:
    """Translate lengths and truncation."""
    found.move("max_length", "max_length")
    found.move("max_seq_length", "max_length")
    if not (found.has("max_length") or found.has("max_seq_length")):
        found.default("max_length", 1024)
    cut = {"keep_start": "response_right", "keep_end": "prompt_left"}.get(str(found.take("truncation_mode")))
    found.put("truncation", cut)
    found.move("eos_token", "end_token")
    if str(found.given.get("chat_template_path", "")).endswith((".jinja", ".j2")):
        found.move("chat_template_path", "chat_template")
    template = str(found.given.get("chat_template", ""))
    if "{" in template:
        found.put("chat_template", found.take("chat_template"))


def _reference(found: Translation, trainer: str) -> None:
    """Translate a reference whose log-probabilities are computed in advance."""
    if found.take("precompute_ref_log_probs") and trainer in ("dpo", "kto"):
        found.put("reference", "cached")
    if found.given.get("disable_dropout"):
        found.skip("disable_dropout")
