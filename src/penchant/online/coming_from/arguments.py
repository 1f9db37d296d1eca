"""Arguments that all online trainers share: sampling, optimizer, engine and what is kept."""

from __future__ import annotations

from typing import Any

from penchant.online.recipe import OFFLINE
from penchant.training.coming_from.arguments import best_model, number_types, schedule
from penchant.training.coming_from.translation import Translation, finite, number, whole_number, words

__all__ = ["data_of_prompts", "engine", "optimizing", "reference", "sampling"]

#: Values that change nothing.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "top_p": (1.0,),
    "top_k": (0, -1),
    "min_p": (0, 0.0),
    "repetition_penalty": (1.0,),
    "top_entropy_quantile": (1.0,),
    "entropy_coef": (0.0,),
}


def sampling(found: Translation, length_key: str, length: int, temperature: float, *, gradient: bool = True) -> int:
    """Translate how responses are sampled.

    Args:
        found: the translation.
        length_key: the library's key of the length limit of a response.
        length: its default.
        temperature: the library's default.
        gradient: whether the objective is a policy gradient, which belongs to the distribution of its samples.

    Returns:
        The length limit.
    """
    limit = whole_number(found.take(length_key, length), length_key)
    found.put("max_new_tokens", limit)
    found.move("temperature", "temperature", temperature)
    found.skip(*(key for key, same in NEUTRAL.items() if number(found.given.get(key)) in same))
    if gradient:
        found.answer(
            *("top_p", "top_k", "min_p", "repetition_penalty", "generation_kwargs"),
            why="a policy gradient belongs to the distribution that its samples come from, so they are drawn from the "
            "policy itself, at temperature",
        )
    else:
        found.move("top_p", "top_p")
    found.answer("max_prompt_length", why="a prompt is never cut in an online run; one that leaves no room is an error")
    found.answer(
        "mask_truncated_completions",
        why="nearest are unfinished_penalty, which takes a number off the reward of a response that did not end, "
        "and a function reward(prompt, response, finished) that returns None for it, which leaves it out",
    )
    return limit


def optimizing(found: Translation, learning_rate: float, schedule_key: str, optimizer_key: str, default: str) -> None:
    """Translate the optimizer, and say what a schedule over a whole run becomes.

    Args:
        found: the translation.
        learning_rate: the library's default.
        schedule_key: its key of the schedule.
        optimizer_key: its key of the optimizer.
        default: its default schedule.
    """
    found.move("output_dir", "output")
    for key in ("weight_decay", "max_grad_norm", "seed"):
        found.move(key, key)
    found.move("learning_rate", "learning_rate", learning_rate)
    named = str(found.given.get(schedule_key, default))
    warm = [key for key in ("warmup_ratio", "warmup_steps") if finite(found.take(key, 0) or 0, key)]
    schedule(found, schedule_key, optimizer_key)
    for key in ("schedule", "schedule_arguments"):
        found.recipe.pop(key, None)
    if warm or not named.startswith("constant"):
        found.note(
            f"Not translated: {', '.join([f'{schedule_key}={named}', *warm])}: the learning rate is the same in all "
            "rounds; schedule and warmup act within each round."
        )
    number_types(found)
    if found.take("use_cpu") or found.take("no_cuda"):
        found.put("device", "cpu")
    _kept(found)


def _kept(found: Translation) -> None:
    """Translate what is kept, and refuse what an online run does not support."""
    best_model(found)
    for key in OFFLINE:
        found.recipe.pop(key, None)
    why = "an online run measures and saves between its rounds, and keeps the last model; its figures lie in its folder"
    asked = ("report_to", "load_best_model_at_end", "metric_for_best_model", "greater_is_better", "save_only_model")
    found.answer(*asked, "early_stopping_patience", "early_stopping_steps", why=why)
    for key in ("load_best_model_at_end", "metric_for_best_model", "greater_is_better", "save_only_model"):
        found.reopen(key)
    if not [each for each in words(found.given.get("report_to")) if each != "none"]:
        found.skip("report_to")
    strategies = ("eval_strategy", "evaluation_strategy", "save_strategy", "do_eval", "per_device_eval_batch_size")
    found.skip(*strategies, "overwrite_output_dir", "do_train", "remove_unused_columns", "logging_steps")
    found.skip("logging_strategy", "logging_first_step", "log_completions", "num_completions_to_print", "plot_loss")
    found.skip("overwrite_cache", "preprocessing_num_workers")


def engine(found: Translation) -> None:
    """Translate the engine: a server of vLLM, or the policy itself where vLLM runs inside of the trainer."""
    used = found.take("use_vllm")
    mode = str(found.take("vllm_mode", "colocate"))
    url = found.take("vllm_server_base_url")
    host, port = found.take("vllm_server_host", "0.0.0.0"), found.take("vllm_server_port", 8000)
    found.skip("vllm_gpu_memory_utilization", "vllm_tensor_parallel_size", "vllm_server_timeout")
    if not used:
        return
    if mode != "server" and url is None:
        found.note(
            "use_vllm: the policy itself samples here (engine transformers), sharing prompts; server: URL samples from "
            "vLLM instead."
        )
        return
    place = str(url or f"http://{'localhost' if host == '0.0.0.0' else host}:{port}").rstrip("/")
    place = place if place.endswith("/v1") else f"{place}/v1"
    found.put("engine", {"name": "server", "url": place, "model": found.recipe.get("model"), "update": "vllm"})
    found.note(
        f"The server at {place} must be `vllm serve MODEL --logprobs-mode processed_logprobs` with "
        "VLLM_SERVER_DEV_MODE=1, not `trl vllm-serve`, which has an interface of its own; the weights are sent before "
        "each round."
    )
    found.answer(
        *("vllm_importance_sampling_correction", "vllm_importance_sampling_mode", "vllm_importance_sampling_cap"),
        why="the server has the weights of the round; staleness: token or sequence corrects where it lags",
    )


def reference(found: Translation) -> None:
    """Translate a reference that follows the policy."""
    rate, steps = found.take("ref_model_mixup_alpha", 0.6), found.take("ref_model_sync_steps", 512)
    if found.take("sync_ref_model"):
        found.put("reference", "ema")
        found.put("reference_rate", finite(rate, "ref_model_mixup_alpha"))
        found.note(f"The reference follows the policy after every round, not after every {steps} steps.")


def data_of_prompts(found: Translation) -> None:
    """Make one set of prompts of a mixture: an online run draws from one."""
    data = found.recipe.get("data")
    if not isinstance(data, list) or isinstance(data[0], str):
        return
    found.put("data", [each["path"] for each in data])
    splits = {each.get("split") for each in data}
    if len(splits) == 1:
        found.put("split", splits.pop())
    elif splits:
        found.note("Not translated: the splits of single data sets: an online run draws its prompts from one set.")
    if len({each.get("weight", 1.0) for each in data}) > 1:
        found.note("Not translated: the weights of the data sets: all prompts are drawn alike.")
