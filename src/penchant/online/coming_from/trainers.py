"""Translation of the online trainers: GRPO, RLOO, PPO, online DPO, Nash-MD and XPO."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from penchant.errors import ConfigurationError
from penchant.online.coming_from.arguments import engine, reference, sampling
from penchant.online.coming_from.groups import grpo_objective, grpo_pairing, rloo
from penchant.online.coming_from.rewards import put_judge
from penchant.online.coming_from.rounds import Rounds, put_rounds, rounds_of_groups
from penchant.training.coming_from.translation import Translation, finite, number, whole_number, words

__all__ = ["RATES", "TRAINERS", "factory_ppo"]

#: The default learning rate of each trainer of TRL.
RATES = {"grpo": 1e-6, "rloo": 1e-6, "ppo": 3e-6, "online-dpo": 5e-7, "nash-md": 5e-7, "xpo": 5e-7}


def _groups(found: Translation, method: str, per_device: str, default: int) -> None:
    """Translate GRPO or RLOO."""
    put_judge(found)
    limit = sampling(found, "max_completion_length", 512, 1.0)
    samples = whole_number(found.take("num_generations", 2 if method == "rloo" else 8), "num_generations")
    found.put("samples_per_prompt", samples)
    found.move("num_generations_eval", "eval_samples")
    if method == "rloo":
        objective, pairing = rloo(found)
    else:
        objective, pairing = grpo_objective(found, limit), grpo_pairing(found)
    found.put("objective", objective)
    found.put("pairing", pairing)
    put_rounds(found, rounds_of_groups(found, per_device, default, samples), 3.0)
    reference(found)
    engine(found)


def grpo(found: Translation, per_device: str, default: int) -> None:
    """Translate GRPO; its batch sizes count responses.

    Args:
        found: the translation.
        per_device: the library's key of the size per device.
        default: its default.
    """
    _groups(found, "grpo", per_device, default)


def leave_one_out(found: Translation, per_device: str, default: int) -> None:
    """Translate RLOO; see `grpo`."""
    _groups(found, "rloo", per_device, default)


def _prompts_of_a_step(found: Translation, per_device: str, default: int) -> tuple[int, int]:
    """The prompts of an optimizer step over all processes, and its micro-batches."""
    size = whole_number(found.take(per_device, default), per_device)
    parts = whole_number(found.take("gradient_accumulation_steps", 1), "gradient_accumulation_steps")
    found.note(
        f"{size * parts * found.processes} prompts are {per_device} {size} × accumulation {parts} × "
        f"{found.processes} (--processes)."
    )
    return size * parts * found.processes, parts


def ppo(found: Translation, per_device: str, default: int) -> None:
    """Translate TRL's PPO, one response to a prompt; see `grpo`."""
    put_judge(found)
    sampling(found, "response_length", 53, 0.7)
    names = {"epsilon_low": "cliprange", "epsilon_high": "cliprange"}
    names |= {"value_clip": "cliprange_value", "value_weight": "vf_coef"}
    values = {ours: number(found.take(theirs)) for ours, theirs in names.items() if found.has(theirs)}
    found.put("objective", {"name": "ppo", **values})
    same = ("gamma", "lam", "kl_coef", "kl_estimator", "whiten_rewards")
    taken = {key: number(found.take(key)) for key in same if found.has(key)}
    found.put("pairing", {"name": "returns", "baseline": "critic", **taken})
    found.move("missing_eos_penalty", "unfinished_penalty")
    prompts, parts = _prompts_of_a_step(found, per_device, default)
    batches = whole_number(found.take("num_mini_batches", 1), "num_mini_batches")
    passes = whole_number(found.take("num_ppo_epochs", 4), "num_ppo_epochs")
    rounds = Rounds(prompts, max(1, prompts // batches), passes, parts)
    episodes = whole_number(found.take("total_episodes") or 0, "total_episodes")
    if episodes:
        found.skip("num_train_epochs")
        found.given["max_steps"] = math.ceil(episodes / prompts) * rounds.steps
    put_rounds(found, rounds, 1.0)
    _policy_of_ppo(found)


def _policy_of_ppo(found: Translation) -> None:
    """The policy of TRL's PPO, which is started from ``sft_model_path``."""
    start = found.take("sft_model_path")
    if start is not None:
        found.recipe["model"] = start
        found.skip("model_name_or_path")
    if str(found.given.get("stop_token", "")) == "eos":
        found.skip("stop_token")
    found.note("The critic is a head on the policy's own states, not a second model; it learns with the policy.")


def _two_samples(found: Translation, per_device: str, default: int) -> None:
    """Translate what online DPO, Nash-MD and XPO share."""
    put_judge(found)
    sampling(found, "max_new_tokens", 64, 0.9, gradient=False)
    found.answer("max_length", why="prompts are not cut, and max_new_tokens limits a response")
    found.put("unfinished_penalty", finite(found.take("missing_eos_penalty", 0.0) or 0.0, "missing_eos_penalty"))
    prompts, parts = _prompts_of_a_step(found, per_device, default)
    put_rounds(found, Rounds(prompts, prompts, 1, parts), 3.0)
    engine(found)
    found.skip("disable_dropout")


def _first(found: Translation, key: str, default: float) -> float:
    """A number; of a list with one value an epoch the first, with a remark."""
    given = found.take(key, default)
    values = [finite(each, key) for each in (given if isinstance(given, list) else [given])]
    if len(set(values)) > 1:
        found.note(
            f"{key} changes by epoch; here it is {values[0]:g}, and by_round: {{{key}: [...]}} changes it by round."
        )
    return values[0]


def _pair_loss(found: Translation, beta: float) -> dict[str, Any]:
    """The objective of ``loss_type`` of online DPO.

    Raises:
        ConfigurationError: it is neither sigmoid nor ipo.
    """
    loss = (words(found.take("loss_type")) or ["sigmoid"])[0]
    if loss not in ("sigmoid", "ipo"):
        raise ConfigurationError(f"Online DPO has no loss {loss!r}.", where="loss_type", fix="Choose sigmoid or ipo.")
    return (
        {"name": "dpo", "beta": beta} if loss == "sigmoid" else {"name": "ipo", "beta": beta, "average_log_prob": False}
    )


def online_dpo(found: Translation, per_device: str, default: int) -> None:
    """Translate online DPO: two samples of a prompt; see `grpo`."""
    _two_samples(found, per_device, default)
    found.put("objective", _pair_loss(found, _first(found, "beta", 0.1)))
    found.put("samples_per_prompt", 2)


def nash_md(found: Translation, per_device: str, default: int) -> None:
    """Translate Nash-MD: a sample against one of the mixture with the reference; see `grpo`."""
    _two_samples(found, per_device, default)
    found.put("objective", {"name": "nash-md", "beta": _first(found, "beta", 0.1)})
    found.put("opponent", {"name": "mixture", "share": _first(found, "mixture_coef", 0.5)})
    found.skip("loss_type")


def xpo(found: Translation, per_device: str, default: int) -> None:
    """Translate XPO: a sample against one of the reference, with a bonus; see `grpo`.

    Raises:
        ConfigurationError: its loss has no counterpart.
    """
    _two_samples(found, per_device, default)
    if (words(found.take("loss_type")) or ["sigmoid"])[0] != "sigmoid":
        raise ConfigurationError("The objective xpo has the sigmoid loss alone.", where="loss_type", fix="Remove it.")
    beta, alpha = _first(found, "beta", 0.1), _first(found, "alpha", 1e-5)
    found.put("objective", {"name": "xpo", "beta": beta, "alpha": alpha})


TRAINERS: dict[str, Callable[[Translation, str, int], None]] = {
    "grpo": grpo,
    "rloo": leave_one_out,
    "ppo": ppo,
    "online-dpo": online_dpo,
    "nash-md": nash_md,
    "xpo": xpo,
}


def factory_ppo(found: Translation) -> None:
    """Translate PPO of LLaMA-Factory, which has the settings of TRL's earlier PPOTrainer.

    Raises:
        ConfigurationError: the reward comes from an interface that is not spoken here.
    """
    kind = str(found.take("reward_model_type", "lora"))
    if kind == "api":
        raise ConfigurationError(
            "The reward comes from an interface of LLaMA-Factory's own.",
            where="reward_model_type",
            fix="Nearest is a reward function that asks it: judge: {name: function, path: rewards.py:asked}.",
        )
    put_judge(found)
    found.note(
        "LLaMA-Factory stores a reward model as a value head beside the model, which is not read here: train one with "
        "objective bt-reward-model (a file with stage: rm is converted to that) and name its folder as judge.model."
    )
    sampling(found, "max_new_tokens", 1024, 0.95)
    found.skip("do_sample")
    found.put("objective", {"name": "ppo"})
    whiten = bool(found.take("ppo_whiten_rewards"))
    target = finite(found.take("ppo_target", 6.0), "ppo_target")
    pairing = {"name": "returns", "baseline": "critic", "kl_coef": 0.2, "kl_target": target, "whiten_rewards": whiten}
    found.put("pairing", pairing)
    found.note("pairing.kl_coef=0.2 is the first value of the controller in the PPOTrainer that LLaMA-Factory uses.")
    found.answer(
        "ppo_score_norm", why="scores are not divided by their running deviation; pairing.whiten_rewards is nearest"
    )
    prompts, parts = _prompts_of_a_step(found, "per_device_train_batch_size", 8)
    buffer = whole_number(found.take("ppo_buffer_size", 1), "ppo_buffer_size")
    passes = whole_number(found.take("ppo_epochs", 4), "ppo_epochs")
    put_rounds(found, Rounds(prompts * buffer, prompts, passes, parts), 3.0)
