"""`app.py`, in a process of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from unittest import mock

import pytest

import app

ROOT = Path(__file__).resolve().parents[1]


def environment(**changes: str) -> dict[str, str]:
    """This process's environment without what would change where the app listens and puts its files."""
    return {name: value for name, value in os.environ.items() if name not in {"SPACE_ID", "GRADIO_TEMP_DIR"}} | changes


def run(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(**changes), capture_output=True, text=True, check=False)


def ipv6() -> bool:
    """Whether this machine's own IPv6 address can be listened on."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def test_the_app_needs_neither_tensorflow_nor_matplotlib():
    script = """
import sys
from unittest import mock
import gradio, app
sys.argv = ["app.py", "--port", "0"]
with mock.patch("deepdect.ui.serve") as serve:
    app.main()
detector = serve.call_args.args[0]
print(type(detector).__name__, serve.call_args.kwargs, [m for m in ("tensorflow", "matplotlib") if m in sys.modules])
"""
    done = run("-c", script)
    access = "Access(auth=None, rate=None, trusted_proxies=())"
    expected = f"Detector {{'host': '127.0.0.1', 'port': 0, 'share': False, 'access': {access}, 'lang': None}} []"
    assert done.stdout.strip() == expected, done.stderr


def test_it_listens_on_this_machine_alone_except_on_a_space():
    assert "(127.0.0.1)" in run("app.py", "--help").stdout
    assert "(0.0.0.0)" in run("app.py", "--help", SPACE_ID="someone/deepdect").stdout


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_it_serves_until_it_is_stopped_and_leaves_no_pictures_behind(tmp_path, host, shown):
    if ":" in host and not ipv6():
        pytest.skip("this machine has no IPv6")
    command = [sys.executable, "app.py", "--port", "0", "--host", host]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(TMPDIR=str(tmp_path)), stderr=subprocess.PIPE, text=True
    ) as server:
        told = next(line for line in server.stderr if "Deep Dect is at" in line)
        [address] = re.findall(r"http://\S+", told)
        with urllib.request.urlopen(address) as page:
            assert b"gradio_config" in page.read()
        folders = list(tmp_path.glob("deepdect-*"))
        server.terminate()
        server.wait(60)
    assert address.startswith(f"http://{shown}:")
    assert len(folders) == 1 and not folders[0].exists()


def test_a_port_that_there_is_not_is_named():
    done = run("app.py", "--port", "99999")
    assert done.returncode == 2 and "--port 99999: expected 1 to 65535" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_runtime_that_cannot_be_had_is_named_without_a_traceback():
    done = run("app.py", DEEPDECT_RUNTIME="abacus")
    assert done.returncode == 1
    assert "cannot start" in done.stderr and "abacus" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--auth", "hidden"], "USER:PASSWORD"), (["--rate", "0"], "--rate"), (["--trusted-proxy", "here"], "'here'")],
)
def test_access_that_cannot_be_meant_is_named(arguments, word, detector, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", "--port", "0", *arguments])
    monkeypatch.setattr("deepdect.Detector", lambda: detector)
    with pytest.raises(SystemExit, match=word) as caught:
        app.main()
    assert "hidden" not in str(caught.value)


def test_access_is_passed_on(detector, monkeypatch):
    arguments = ["--auth", "ann:b", "--rate", "9", "--trusted-proxy", "10.0.0.1", "--trusted-proxy", "10.1.0.0/16"]
    monkeypatch.setattr(sys, "argv", ["app.py", *arguments])
    monkeypatch.setattr("deepdect.Detector", lambda: detector)
    with mock.patch("deepdect.ui.serve") as serve:
        app.main()
    access = serve.call_args.kwargs["access"]
    assert (access.auth, access.rate, access.trusted_proxies) == (("ann", "b"), 9, ("10.0.0.1", "10.1.0.0/16"))
