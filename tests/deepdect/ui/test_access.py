from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.applications import Starlette

from deepdect.ui.access import AUTH_VARIABLE, Access
from deepdect.ui.leftovers import sweeping


@pytest.fixture(autouse=True)
def no_password(monkeypatch):
    monkeypatch.delenv(AUTH_VARIABLE, raising=False)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # what `launch` must replace


def test_everyone_may_come_by_default():
    assert Access.from_options(None, None, []) == Access(None, None, ())


def test_a_password_may_contain_colons_and_the_option_beats_the_variable(monkeypatch):
    monkeypatch.setenv(AUTH_VARIABLE, "env:secret")
    assert Access.from_options(None, None, []).auth == ("env", "secret")
    assert Access.from_options("ann:a:b ", None, []).auth == ("ann", "a:b ")


@pytest.mark.parametrize("auth", ["", "ann", "ann:", ":hidden", " :hidden"])
def test_half_a_login_is_refused_without_repeating_it(auth, monkeypatch):
    with pytest.raises(ValueError, match="--auth: expected USER:PASSWORD") as caught:
        Access.from_options(auth, None, [])
    assert "hidden" not in str(caught.value)
    monkeypatch.setenv(AUTH_VARIABLE, auth)
    with pytest.raises(ValueError, match="DEEPDECT_AUTH: expected"):
        Access.from_options(None, None, [])


@pytest.mark.parametrize(("rate", "proxies", "word"), [(0, [], "received 0"), (9, ["10.0.0.1/8"], "10.0.0.1/8")])
def test_what_cannot_be_meant_is_named(rate, proxies, word):
    with pytest.raises(ValueError, match=word):
        Access.from_options(None, rate, proxies)


@pytest.mark.parametrize(
    ("host", "share", "proxies", "local"),
    [
        ("127.0.0.1", False, (), True),
        ("::1", False, (), True),
        ("[::1]", False, (), True),
        ("0.0.0.0", False, (), False),
        ("127.0.0.1", True, (), False),
        ("127.0.0.1", False, ("127.0.0.1",), False),
    ],
)
def test_only_a_page_for_this_machine_alone_insists_on_its_name(host, share, proxies, local):
    settings = Access(rate=7, trusted_proxies=proxies).launch(host, share)
    (gate,) = settings["app_kwargs"]["middleware"]
    assert gate.kwargs == {"local": local, "rate": 7}
    assert settings["app_kwargs"]["lifespan"] is sweeping and settings["strict_cors"] is True
    assert os.environ["FORWARDED_ALLOW_IPS"] == ",".join(proxies)


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 403), ("0.0.0.0", 404)])
def test_a_page_without_its_public_link_insists_on_its_name_after_all(host, status):
    access = Access()
    app = Starlette(middleware=access.launch(host, share=True)["app_kwargs"]["middleware"])

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://evil.example") as client:
            return (await client.get("/config")).status_code

    with ThreadPoolExecutor(1) as pool:  # the browser tests' Playwright leaves an event loop running in this thread
        assert pool.submit(asyncio.run, ask()).result() == 404  # through the gate, to an app that has no page
        access.close(app, host)
        assert pool.submit(asyncio.run, ask()).result() == status
