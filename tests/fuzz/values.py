"""Values that break readers, as Python values, as JSON text and as YAML text."""

from __future__ import annotations

import json
from random import Random
from typing import Any

__all__ = ["BAD_TEXTS", "json_text", "word", "yaml_text"]

#: Texts that people have and readers stumble over.
BAD_TEXTS = (
    "", " ", "\n", "\t", "\x00", "a\x00b", "\x1b[31mred", "[/red]", "[bold]", "{}", "{0}", "{x!r:>{y}}", "%s", "\\",
    "'", '"',
    "4 6", "nan", "inf", "-", "--", "true", "null", "[1, 2", "[1, 2]", '{"role": "user"}', "[{'role': 'user'}]",
    "\u202e", "\ufeff",
    "\u2028", "é", "日本", "\U0001f600", "e\u0301", "A" * 3000, "<s>", "</s>", "<|im_end|>", "{{ x }}", "{% for %}",
    "1e999",
    "9" * 5000, "[" * 300, "[" * 3000, "(" * 300, "-" * 3000 + "1", "0x" + "f" * 5000, "\r", "\x85", "a" * 300,
    "../..", "/", "~", "~nobody/x",
)  # fmt: skip

_JSON = (
    "null", "true", "false", "0", "-0", "1", "-1", "0.5", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity",
    "9" * 400, "9" * 5000, "1" + "0" * 310, '"\\ud800"', '"a\\udc00b"', '"\\ud83d\\ude00"', '"\\u0000"', "[]", "{}",
    "[null]", "[[]]",
    "[[[]]]", '[""]', "[1, 2]", '["a", 1]', '{"a": null}', '{"role": "user"}', '[{"role": "user", "content": "Hi"}]',
    '[{"role": "user", "content": null}]', '[{"role": "assistant", "content": [{"type": "text", "text": "x"}]}]',
    '[{"role": "\\ud800", "content": "x"}]',
    '[{"role": "assistant", "tool_calls": [{"name": "f", "arguments": "{"}]}]',
    '{"content": "Hi", "role": "assistant"}', '{"path": "a.png"}', '{"bytes": null}', '{"a": 1, "a": 2}', '{"": 1}',
    '[{"from": "human", "value": "Hi"}, {"from": "gpt", "value": 7}]', '{"text": "x", "score": {}}', "1.5e3", "2",
    "[true, false]",
    '[{"role": 1}]', '[{"role": "tool", "content": {"a": [1]}}]', '"2020-01-01"', "[[1, 2], [3]]", '{"\\udfff": 1}',
)  # fmt: skip

_YAML = (
    "~", "null", "true", "no", "0", "-1", "1.5", ".inf", "-.inf", ".nan", "1e999", "1e400", "1e8", "9" * 40,
    "9" * 5000, "0x" + "f" * 5000,
    "2001-13-45", "2001-01-01", "2001-01-01T99:99:99", "190:20:30", "1_000", "!!int foo", "!!float x", "!!bool x",
    "!!timestamp x",
    "!!binary ä", "!!python/object/apply:os.getcwd []", "!!set {a, b}", "!!omap [a: 1, a: 2]", "!!null x", "*nowhere",
    "&a [*a]", "[", "{",
    "[1, 2]", "{a: 1}", "{name: x}", "{path: x.py:f}", "'", '"\\ud800"', '"\\x00"', '"\\U00110000"', "| x", "!<x> y",
    "? a", "- a", "[" * 50 + "]" * 50,
    "[" * 1500 + "]" * 1500, "{a: " * 400 + "1" + "}" * 400, "=", "<<", "{<<: 1}", "{[1]: 2}", "{1: 2}", "{~: 1}",
    "'5'", "''", "x", "none", "auto",
    "99999999999999999999", "1e-400", "[a, [b, {c: d}]]", "{a: {b: {c: 1}}}", "@x", "%x", "`x`", "plain", "cpu",
    "[~]", "'4 6'", "best", "2147483648",
)  # fmt: skip


def word(random: Random) -> str:
    """A text that is often bad."""
    if random.random() < 0.6:
        return random.choice(BAD_TEXTS)
    return "".join(random.choice("abc .:/=,{}[]\"'\\é\n-0129") for _ in range(random.randrange(12)))


def json_text(random: Random, depth: int = 0) -> str:
    """A value as JSON text that may be no JSON, or say what no reader can hold."""
    kind = random.random()
    if kind < 0.5 or depth > 3:
        return random.choice(_JSON)
    if kind < 0.7:
        return json.dumps(word(random))
    if kind < 0.75:
        return _nested(random.choice((90, 200, 450, 900, 2000, 20000)), random.choice(("[]", "{}")))
    parts = [json_text(random, depth + 1) for _ in range(random.randrange(4))]
    if kind < 0.88:
        return f"[{', '.join(parts)}]"
    return "{" + ", ".join(f"{json.dumps(word(random)[:40])}: {part}" for part in parts) + "}"


def _nested(depth: int, marks: str) -> str:
    if marks == "[]":
        return "[" * depth + "]" * depth
    return '{"a": ' * depth + "1" + "}" * depth


def yaml_text(random: Random) -> str:
    """A value as YAML text in one line."""
    kind = random.random()
    if kind < 0.75:
        return random.choice(_YAML)
    text: Any = word(random) if kind < 0.9 else random.choice((0.1, 3, -7, 10**30, 2**64, ["a", 1], {"name": "dpo"}))
    return json.dumps(text, ensure_ascii=random.random() < 0.5).replace("\n", " ")
