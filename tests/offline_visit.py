"""Run where the network is cut: a visit to the page and a command, their results as JSON on standard output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from benchmarks.startup import free_port
from tests.load import soak

ROOT = Path(__file__).resolve().parents[1]


def visit(picture: Path) -> dict[str, str]:
    """Serve the page, load it, analyse the picture, stop the page; then analyse it on the command line."""
    port = free_port()
    told = ""
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "SPACE_ID"}}
    command = [sys.executable, "app.py", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            told += line
            if "Deep Dect is at" in line:
                break
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as web:
            page = web.get("/").text
            _, answer = soak.ask(web, soak.Picture("a.png", picture.read_bytes(), "ok", None))
        server.send_signal(signal.SIGTERM)
        told += server.communicate(timeout=120)[1]
    analyze = [sys.executable, "-m", "deepdect", "analyze", str(picture), "--json"]
    done = subprocess.run(analyze, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return {"page": page[:200], "answer": json.dumps(answer), "command": done.stdout, "told": told + done.stderr}


if __name__ == "__main__":
    print(json.dumps(visit(Path(sys.argv[1]))))
