"""Addresses of servers: refused at the start, and shown without secrets."""

from __future__ import annotations

import pytest

from penchant.addresses import checked, is_local, secrets_of, server_of, shown, without_secrets
from penchant.errors import ConfigurationError


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("file:///etc/passwd", "begins with 'file:'"),
        ("file://../fakesrv", "begins with 'file:'"),
        ("ftp://host/v1", "begins with 'ftp:'"),
        ("localhost:8000/v1", "begins with 'localhost:'"),
        ("not-a-url", "has no scheme"),
        ("", "has no scheme"),
        ("//host/v1", "has no scheme"),
        ("http://", "names no host"),
        ("http://:80/v1", "names no host"),
        ("http://me:SECRET@", "names no host"),
        ("http://host:99999/v1?key=SECRET", "cannot be read"),
        ("http://host:SECRET/v1", "cannot be read"),
        ("http://[::1/v1", "cannot be read"),
        ("http://host/v1 SECRET", "a character that no address has"),
        ("http://host/v1\\SECRET", "a character that no address has"),
        ("http://host/v1\r\nX: SECRET", "a character that no address has"),
        ("http://host/.../v1", "written down without a part"),
        ("http://host/v1?...", "written down without a part"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused(address: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as error:
        checked(address, "engine.url")
    assert "SECRET" not in str(error.value) and "engine.url" in str(error.value)


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("HTTPS://Host/V1/", "https://host/V1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("https://me:pa%40ss@host/v1", "https://host/v1"),
        ("https://host/proxy/TOKEN/v1", "https://host/proxy/.../v1"),
        ("https://host/v1?key=TOKEN#also", "https://host/v1?..."),
    ],
)
def test_an_address_is_shown_without_its_secrets(address: str, seen: str) -> None:
    assert shown(checked(address, "engine.url")) == seen
    said = without_secrets(f"not found: {address}", secrets_of(address))
    assert not [each for each in ("TOKEN", "pa%40ss") if each in seen + said]


@pytest.mark.parametrize("key", ["sk-abcd1234", "Bearer abc.def", "hf_abcdefgh"])
def test_what_looks_like_a_key_is_not_repeated(key: str) -> None:
    assert without_secrets(f"Incorrect key {key}.", []).startswith("Incorrect key ...")


def test_this_machine_is_local() -> None:
    assert is_local("http://localhost/v1") and is_local("http://127.0.0.1:8/v1") and is_local("http://[::1]/v1")
    assert not is_local("http://host/v1") and not is_local("http://127.0.0.1.example.org/v1")


@pytest.mark.parametrize("other", ["https://host/qwen/v1", "https://host/llama/v2", "https://other/llama/v1"])
def test_deployments_behind_one_host_are_different_servers(other: str) -> None:
    assert server_of("https://host/llama/v1") != server_of(other)


def test_a_server_stays_the_same_with_another_key_and_is_told_without_it() -> None:
    found = server_of("https://me:SECRET@host/TOKEN/v1?key=SECRET")
    assert found == server_of("https://you@host/TOKEN/v1?key=OTHER")
    assert "SECRET" not in found and "TOKEN" not in found
    assert server_of("http://localhost:8000/v1") == "http://localhost:8000/v1", "stored answers are found as before"
