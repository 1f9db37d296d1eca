"""The doctor: every problem is found, counted and located; healthy data passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from penchant.checks.diagnosis import Check, Diagnosis
from penchant.checks.doctor import examine
from penchant.errors import ModelError
from penchant.feedback import Comparison, Feedback, Source, read
from penchant.rendering import Renderer, load_tokenizer
from penchant.rendering.renderer import ResponseTokens
from rendering.tokenizers_small import CHATML, byte_level

PLAIN = Renderer(byte_level(adds_bos=True))
SUBJECTS = "apples bears clouds doors eggs forks gates hats isles jars kites lamps".split()


def pairs(count: int = 12, **more: Any) -> list[dict[str, Any]]:
    """Healthy pairs: half of the chosen responses are longer."""
    rows = []
    for at, subject in enumerate(SUBJECTS[:count]):
        long, short = f"All about {subject}, in many good words.", f"{subject}!"
        chosen, rejected = (long, short) if at % 2 else (short, long)
        rows.append({"prompt": f"What of {subject}?", "chosen": chosen, "rejected": rejected, **more})
    return rows


def found(rows: list[dict[str, Any]] | Feedback, name: str, **options: Any) -> Check:
    feedback = rows if isinstance(rows, Feedback) else read(rows)
    renderer = options.pop("renderer", PLAIN)
    (check,) = [check for check in examine(feedback, renderer, **options).checks if check.name == name]
    return check


def test_healthy_feedback_has_no_findings() -> None:
    diagnosis = examine(read(pairs()), PLAIN, max_length=200)
    assert not diagnosis.failed
    assert {check.verdict for check in diagnosis.checks} == {"ok"}
    assert diagnosis.unit == "tokens" and set(diagnosis.lengths) == {"prompt", "chosen", "rejected"}


def test_findings_as_json() -> None:
    told = json.loads(json.dumps(examine(read(pairs()), PLAIN).as_dict()))
    assert set(told["checks"][0]) == {"name", "value", "verdict", "detail"}
    assert set(told["lengths"]["prompt"]) == {"mean", "p50", "p95", "max"}


def test_lengths_are_those_of_the_tokens_or_words() -> None:
    rows = pairs()
    feedback = read(rows)
    assert examine(feedback, None).lengths["prompt"] == {"mean": 3.0, "p50": 3, "p95": 3, "max": 3}
    lengths = [len(PLAIN.response_ids(row["prompt"], row["chosen"])) for row in rows]
    assert examine(feedback, PLAIN).lengths["chosen"]["max"] == max(lengths)
    assert examine(feedback, PLAIN).lengths["chosen"]["mean"] == pytest.approx(sum(lengths) / len(lengths), abs=0.01)


def test_exact_and_near_duplicates() -> None:
    story = " ".join(f"{subject} {number}" for number, subject in enumerate(SUBJECTS * 4))
    rows = [*pairs(), pairs()[3]]
    rows += [{"prompt": "Tell.", "chosen": f"{story} {end}", "rejected": "no"} for end in ("one", "two")]
    exact, near = found(rows, "exact duplicates"), found(rows, "near duplicates")
    assert exact.value.startswith("1 ") and "memory:13" in exact.detail and exact.verdict == "warning"
    assert near.value.startswith("1 ") and "memory:15 is similar to memory:14" in near.detail


def test_near_duplicates_of_many_alike_stay_exact() -> None:
    rows = [
        {"prompt": f"The same long question of everyone about {a} and {b}", "completion": f"{b} {a}"}
        for a in SUBJECTS
        for b in SUBJECTS
    ]
    check = found(rows * 2, "near duplicates", renderer=None)
    assert found(rows * 2, "exact duplicates", renderer=None).value.startswith("144 ")
    assert check == found(rows * 2, "near duplicates", renderer=None), "the same input gives the same answer"


def test_contradictions() -> None:
    row = pairs()[0]
    swapped = {**row, "chosen": row["rejected"], "rejected": row["chosen"]}
    check = found([*pairs(), swapped], "contradictions")
    assert check.verdict == "warning" and "memory:13 contradicts memory:1" in check.detail
    judged = [{"prompt": "Q", "completion": "a", "label": label} for label in (True, True, False)]
    assert found(judged, "contradictions").value.startswith("1 ")
    ranked = [
        {"prompt": "Q", "completions": ["a", "b", "c"], "scores": scores}
        for scores in ([3, 2, 2], [3, 2, 1], [1, 2, 0])
    ]
    assert found(ranked, "contradictions").value.startswith("1 ")
    by_rank = [*ranked[:1], {"prompt": "Q", "completions": ["b", "a"], "ranks": [1, 2]}]
    assert found(by_rank, "contradictions").value.startswith("1 ")


def test_empty_and_identical_responses_are_errors() -> None:
    records = [Comparison(prompt="Q", chosen="a", rejected=other, source=Source("made", 4)) for other in (" ", "a")]
    check = found(Feedback(records, kind="comparison"), "responses")
    assert (check.value, check.verdict) == ("1 empty, 1 identical", "error") and "made:4" in check.detail
    assert examine(Feedback(records, kind="comparison"), None).failed


def test_turns_that_differ_in_calls_or_reasoning_alone_are_not_the_same() -> None:
    def turn(*cities: str, thought: str = "", mark: str = "a") -> list[dict[str, Any]]:
        calls = [{"id": mark, "function": {"name": "weather", "arguments": {"city": each}}} for each in cities]
        return [{"role": "assistant", "content": "", "tool_calls": calls, "reasoning_content": thought}]

    prompt = [{"role": "user", "content": "Rain?"}]
    two = {"prompt": prompt, "chosen": turn("Rome", "Bonn"), "rejected": turn("Rome")}
    thinks = {"prompt": prompt, "chosen": turn("Rome", thought="Both."), "rejected": turn("Rome")}
    assert found([two, thinks], "responses", renderer=None).value == "0 empty, 0 identical"
    assert found([two, thinks], "exact duplicates", renderer=None).value == "0"
    same = {"prompt": prompt, "chosen": turn("Rome", mark="a"), "rejected": turn("Rome", mark="b")}
    assert found([same], "responses", renderer=None).value == "0 empty, 1 identical"


def test_prompts_shared_between_splits() -> None:
    train, test = pairs(6, split="train"), pairs(8, split="test")
    check = found([*test[5:], *train], "prompts shared between splits")
    assert check.verdict == "warning" and check.value.startswith("1 ") and "memory:1." in check.detail
    assert found([*test[6:], *train], "prompts shared between splits").verdict == "ok"
    shouted = read([{**pairs()[0], "prompt": " WHAT OF APPLES? "}])
    check = found(pairs(), "prompts shared between splits", other=shouted)
    assert check.value.startswith("1 ") and check.verdict == "warning"


def test_truncation_is_foreseen() -> None:
    rows = pairs()
    longest = max(len(PLAIN.response_ids(row["prompt"], row[name])) for row in rows for name in ("chosen", "rejected"))
    assert "prompts cut" in found(rows, f"truncated at {longest + 3} tokens", max_length=longest + 3).detail
    check = found(rows, "truncated at 4 tokens", max_length=4)
    assert check.verdict == "error" and "12 (100.0 %) dropped: response longer" in check.detail
    assert "refused" in found(rows, "truncated at 4 tokens", max_length=4, policy="error").detail


def test_pairs_that_truncation_makes_identical() -> None:
    rows = [{"prompt": "Q", "chosen": "the same beginning, good", "rejected": "the same beginning, bad"}]
    check = found(rows, "identical after truncation", max_length=8, policy="response_right")
    assert check.verdict == "warning" and check.value.startswith("1 ")
    assert found(rows, "identical after truncation", max_length=99, policy="response_right").verdict == "ok"


def test_records_longer_than_the_model_can_see() -> None:
    tokenizer = byte_level(adds_bos=True)
    tokenizer.model_max_length = 10
    check = found(pairs(), "longer than the model's 10 tokens", renderer=Renderer(tokenizer))
    assert check.verdict == "warning" and "--max-length 10" in check.detail


@pytest.mark.parametrize(("longer", "verdict"), [(50, "ok"), (62, "note"), (90, "warning"), (10, "warning")])
def test_length_bias(longer: int, verdict: str) -> None:
    rows = []
    for at in range(100):
        long, short = f"{at} and much more of it", f"{at}"
        chosen, rejected = (long, short) if at < longer else (short, long)
        rows.append({"prompt": f"{at}?", "chosen": chosen, "rejected": rejected})
    check = found(rows, "better response is longer", renderer=None)
    assert (check.value, check.verdict) == (f"{longer:.1f} %", verdict)
    judged = [
        {"prompt": row["prompt"], "completion": row[name], "label": name == "chosen"}
        for row in rows
        for name in ("chosen", "rejected")
    ]
    assert found(judged, "better response is longer", renderer=None).value == f"{longer:.1f} %"
    ranked = [
        {"prompt": row["prompt"], "completions": [row["rejected"], row["chosen"]], "ranks": [2, 1]} for row in rows
    ]
    assert found(ranked, "better response is longer", renderer=None).value == f"{longer:.1f} %"


def test_label_balance_and_rankings_of_equals() -> None:
    judged = [{"prompt": f"{at}?", "completion": "a", "label": at > 0} for at in range(50)]
    check = found(judged, "label balance")
    assert (check.value, check.verdict) == ("98.0 % desirable", "warning")
    ranked = [{"prompt": f"{at}?", "completions": ["a", "b"], "scores": [1, at]} for at in range(4)]
    assert found(ranked, "rankings of equals").value == "1 (25.0 %)"


@pytest.mark.parametrize("label", [True, False])
def test_labels_that_are_all_alike_are_said(label: bool) -> None:
    judged = [{"prompt": f"{at}?", "completion": "a", "label": label} for at in range(4)]
    check = found(judged, "label balance")
    assert check.verdict == "warning" and "All labels are alike" in check.detail


def test_annotators_agreement() -> None:
    row = pairs()[0]
    swapped = {**row, "chosen": row["rejected"], "rejected": row["chosen"]}
    rows = [
        {**row, "annotator": "a"},
        {**row, "annotator": "b"},
        {**swapped, "annotator": "c"},
        {**pairs()[1], "annotator": "a"},
    ]
    check = found(rows, "annotator agreement")
    assert check.value == "33.3 %" and "1 items with several of 3 annotators" in check.detail
    assert found(rows[3:], "annotator agreement").value == "1 annotators"


class Broken(Renderer):
    """A renderer with the faults of other libraries."""

    def prompt_ids(self, prompt: Any) -> list[int]:
        return [self.tokenizer.bos_token_id, *super().prompt_ids(prompt)]

    def response_tokens(self, prompt: Any, response: Any) -> ResponseTokens:
        ids = super().response_tokens(prompt, response).ids
        return ResponseTokens(ids[:-1] if "!" in response else [*ids, ids[-1]])


def test_faults_of_templates_are_errors() -> None:
    renderer = Broken(byte_level(adds_bos=True))
    assert found(pairs(), "BOS", renderer=renderer) == Check(
        "BOS", "12 (100.0 %) double", "error", "memory:1, memory:2, memory:3."
    )
    check = found(pairs(), "end token", renderer=renderer)
    assert check.verdict == "error" and check.value == "missing in 12, double in 12"
    assert examine(read(pairs()), renderer).failed


def test_special_tokens_written_in_the_data() -> None:
    rows = [*pairs(), {"prompt": "Q", "chosen": "use </s> to end", "rejected": "b"}]
    check = found(rows, "special tokens inside responses")
    assert check.verdict == "warning" and "memory:13" in check.detail


def test_plain_prompts_of_a_chat_model_are_noted() -> None:
    renderer = Renderer(byte_level(template=CHATML, specials=("<|im_start|>", "<|im_end|>")))
    check = found(pairs(), "prompts outside the chat template", renderer=renderer)
    assert check.verdict == "note" and "give them as messages" in check.detail


def test_records_that_cannot_be_rendered_are_errors() -> None:
    renderer = Renderer(byte_level())
    rows = [{**pairs()[0], "prompt": ""}, *pairs()]
    check = found(rows, "records that cannot be rendered", renderer=renderer)
    assert check.verdict == "error" and "memory:1: The prompt renders to no tokens" in check.detail
    messages = [{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}]
    with pytest.raises(ModelError, match="no chat template"):
        examine(read(messages), renderer)


def test_bad_records_are_counted() -> None:
    feedback = read([{**pairs()[0], "chosen": ""}, *pairs()], on_bad="skip")
    check = found(feedback, "bad records")
    assert (
        check.verdict == "warning"
        and check.value.startswith("1 ")
        and "memory:1: The response 'chosen'" in check.detail
    )
    assert examine(Feedback([], kind="prompt"), None).failed


def test_prompts_alone_can_be_examined() -> None:
    diagnosis = examine(read([{"prompt": "2 + 2 ="}]), PLAIN, max_length=50)
    assert not diagnosis.failed and set(diagnosis.lengths) == {"prompt"}
    assert isinstance(diagnosis, Diagnosis)


@pytest.mark.parametrize(
    ("name", "mapping"),
    [
        ("hh_harmless", {}),
        ("gsm8k_solutions", {}),
        ("xstest_feedback", {"completion": "response", "label": "safe_prompt"}),
    ],
)
def test_real_collections_pass(shared: Path, name: str, mapping: dict[str, str]) -> None:
    renderer = Renderer(load_tokenizer(shared / "models" / "tinystories-260k"), chat_template="plain")
    feedback = read(shared / "data" / f"{name}.jsonl.gz", mapping=mapping, split="test")
    diagnosis = examine(feedback, renderer, max_length=512)
    verdicts = {check.name: check.verdict for check in diagnosis.checks}
    assert not diagnosis.failed
    assert verdicts["BOS"] == verdicts["end token"] == "ok"


def test_published_length_bias_of_harmlessness_pairs(shared: Path) -> None:
    # The collection's description: the chosen answer is longer in 44 % of the pairs.
    feedback = read(shared / "data" / "hh_harmless.jsonl.gz")
    check = found(feedback, "better response is longer", renderer=None)
    assert 42 <= float(check.value.split()[0]) <= 46


def test_joint_comparisons_are_known_by_both_prompts() -> None:
    row = {"prompt": "Hi", "chosen": "Hello!", "rejected_prompt": "Bye", "rejected": "Hello!"}
    other = {**row, "rejected_prompt": "Thanks"}
    swapped = {**row, "prompt": "Bye", "rejected_prompt": "Hi"}
    assert found([row, other], "exact duplicates").verdict == "ok"
    assert found([row, row], "exact duplicates").value.startswith("1 ")
    assert found([row, other], "responses").verdict == "ok"
    assert found([row, other], "contradictions").verdict == "ok"
    assert found([row, swapped], "contradictions").value.startswith("1 ")
    opinions = [{**row, "annotator": "ann"}, {**row, "annotator": "ben"}, {**swapped, "annotator": "cem"}]
    assert found(opinions, "annotator agreement").value.startswith("33.3 ")


def test_a_layout_that_was_converted_is_named_with_what_decides() -> None:
    row = {"prompt": "Q", "response_0": "a b", "response_1": "c d", "better_response_id": 1}
    (check,) = [each for each in examine(read([row]), None).checks if each.name == "layout"]
    assert check.value == "PKU-SafeRLHF" and check.detail.startswith("better_response_id decides")
    plain = examine(read([{"prompt": "Q", "chosen": "a", "rejected": "b"}]), None)
    assert "layout" not in [each.name for each in plain.checks]
