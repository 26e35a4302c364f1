"""What the app leaves behind and whom it talks to: one run of `app.py`, watched from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from benchmarks.startup import free_port
from deepdect.openvino_core import cache_dir

ROOT = Path(__file__).resolve().parents[1]
WIRETAP = Path(__file__).with_name("wiretap")
HALF = b"half a picture"


@dataclass
class Observed:
    """One run. Files are those under the folders in which the app may write."""

    pid: int = 0
    answer: dict[str, Any] = field(default_factory=dict)
    held_the_picture: list[Path] = field(default_factory=list)
    held_half_of_one: list[Path] = field(default_factory=list)
    afterwards: list[Path] = field(default_factory=list)
    wiretap: list[str] = field(default_factory=list)
    told: str = ""


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def break_off_an_upload(port: int, folder: Path) -> None:
    """Send half a picture and hang up, once the server has begun to write it down."""
    known = set(files(folder))
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="half.png"\r\n\r\n'
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(
            b"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 200000\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n" + head + HALF * 5000
        )
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in set(files(folder)) - known):
            assert time.monotonic() < deadline, "the server never wrote the upload down"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def observed(portrait, tmp_path_factory) -> Observed:
    """The app started as a person would, a picture analysed, an upload broken off, and the app stopped by SIGTERM."""
    from gradio_client import Client, handle_file

    folder, log = tmp_path_factory.mktemp("app"), tmp_path_factory.mktemp("wiretap") / "log"
    places = {name: folder / name.lower() for name in ("HOME", "TMPDIR", "GRADIO_TEMP_DIR")}
    for place in places.values():
        place.mkdir()
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "SPACE_ID"}}
    environment |= {name: str(place) for name, place in places.items()}
    environment |= {
        "DEEPDECT_CACHE": str(cache_dir()),
        "PYTHONPATH": str(WIRETAP),
        "WIRETAP_LOG": str(log),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # Gradio imports it, which would write a list of fonts
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    seen = Observed()
    command = [sys.executable, "app.py", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as server:
        seen.pid = server.pid
        try:
            for line in server.stderr:
                seen.told += line
                if "Deep Dect is at" in line:
                    break
            downloads = tmp_path_factory.mktemp("client")
            client = Client(f"http://127.0.0.1:{port}", verbose=False, download_files=str(downloads))
            seen.answer = client.predict(handle_file(str(portrait)), api_name="/analyze")
            client.close()
            break_off_an_upload(port, folder)
            contents = {path: path.read_bytes() for path in files(folder)}
            seen.held_the_picture = [path for path, content in contents.items() if content == portrait.read_bytes()]
            seen.held_half_of_one = [path for path, content in contents.items() if content.startswith(HALF)]
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                seen.told += server.communicate(timeout=60)[1]
            except subprocess.TimeoutExpired:
                server.kill()
    seen.afterwards = files(folder)
    seen.wiretap = log.read_text().splitlines()
    return seen


def test_the_picture_was_analysed(observed):
    assert (observed.answer["status"], observed.answer["width"]) == ("ok", 512), observed.told


def test_nothing_is_left_on_the_disk_when_the_page_stops(observed):
    assert len(observed.held_the_picture) == len(observed.held_half_of_one) == 1  # else this would prove nothing
    assert observed.afterwards == []


def test_nobody_but_this_machine_was_spoken_to(observed):
    assert f"watching {observed.pid}" in observed.wiretap
    assert [line for line in observed.wiretap if not line.startswith("watching")] == []


def test_the_log_tells_neither_the_name_of_the_picture_nor_a_traceback(observed):
    assert "portrait" not in observed.told and "Traceback" not in observed.told


@pytest.mark.parametrize(
    "attempt",
    [
        "import urllib.request; urllib.request.urlopen('http://192.0.2.1/', timeout=1)",
        "import socket; socket.create_connection(('example.org', 443), 1)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "import subprocess, sys; subprocess.run([sys.executable, '-c', "
        "'import socket; socket.getaddrinfo(\"example.org\", 443)'], check=True)",
    ],
)
def test_the_wiretap_would_have_heard_it(tmp_path, attempt):
    log = tmp_path / "log"
    environment = os.environ | {"PYTHONPATH": str(WIRETAP), "WIRETAP_LOG": str(log)}
    done = subprocess.run([sys.executable, "-c", attempt], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "wiretap" in done.stderr
    assert any("192.0.2.1" in line or "example.org" in line for line in log.read_text().splitlines())
