"""Small chat templates that do what those of today's models do: tools, stripped reasoning, two end tokens."""

from __future__ import annotations

_ROLE = "<|im_start|>{{ m.role }}\n"
_CALLS = (
    "{% for c in m.tool_calls or [] %}<call>{{ c.function.name }} {{ c.function.arguments | tojson }}</call>"
    "{% endfor %}"
)
_TOOLS = "{% if tools %}<|im_start|>system\n{% for t in tools %}{{ t | tojson }}{% endfor %}<|im_end|>\n{% endif %}"
_ASKS = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
SPECIALS = ("<|im_start|>", "<|im_end|>", "<|return|>", "<|call|>")

#: Tools, and reasoning that is kept only after the last turn of the user; an answer without any gets an empty one.
REASONING = (
    _TOOLS + "{% set ns = namespace(last=0) %}{% for m in messages %}{% if m.role == 'user' %}"
    "{% set ns.last = loop.index0 %}{% endif %}{% endfor %}"
    "{% for m in messages %}{% if m.role == 'assistant' %}<|im_start|>assistant\n"
    "{% set think = m.reasoning_content or '' %}{% set content = m.content or '' %}"
    "{% if '</think>' in content %}{% set think = content.split('</think>')[0].split('<think>')[-1].strip() %}"
    "{% set content = content.split('</think>')[-1].strip() %}{% endif %}"
    "{% if loop.index0 > ns.last and (think or loop.last) %}<think>\n{{ think }}\n</think>\n\n{% endif %}"
    "{{ content }}" + _CALLS + "<|im_end|>\n{% elif m.role in ['user', 'tool', 'system'] %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
#: The generation prompt opens the thought, and the history has none.
OPENS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ (m.content or '').split('</think>')[-1] | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
#: The last answer ends with another token than those before it, and calls with a third one.
TWO_ENDS = (
    "{% for m in messages %}" + _ROLE + "{% if m.tool_calls %}" + _CALLS + "<|call|>"
    "{% else %}{{ m.content }}{% if loop.last and m.role == 'assistant' %}<|return|>{% else %}<|im_end|>{% endif %}"
    "{% endif %}{{ '\n' }}{% endfor %}" + _ASKS
)
#: Only content; a list is written as Python writes it.
CONTENT = "{% for m in messages %}" + _ROLE + "{{ m.content | trim }}<|im_end|>\n{% endfor %}" + _ASKS
#: Arguments of calls must be text.
TEXT_CALLS = (
    "{% for m in messages %}" + _ROLE + "{{ m.content or '' }}{% for c in m.tool_calls or [] %}"
    "{{ '<call>' + c.function.name + ' ' + c.function.arguments + '</call>' }}{% endfor %}<|im_end|>\n{% endfor %}"
    + _ASKS
)
