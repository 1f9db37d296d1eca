"""`penchant sandbox check` says what it has tried."""

from __future__ import annotations

import sys

import pytest

from penchant.cli.app import main
from penchant.sandbox.attacks import ATTACKS

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is made of what Linux offers")


def test_check_tries_every_fence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    assert main(["sandbox", "check", "--without", "namespaces"]) == 0
    said = capsys.readouterr().out
    for attack in ATTACKS:
        assert attack.fence in said and attack.what in said
    assert "Not fenced here: " in said


def test_check_refuses_unknown_means(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sandbox", "check", "--without", "walls"]) == 1
    assert "namespaces, users, seccomp, landlock" in capsys.readouterr().err
