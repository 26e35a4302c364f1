"""Run where the network is cut: a visit to the page and a command, their results as JSON on standard output."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]


def visit(picture: Path) -> dict[str, str]:
    """Serve the page, load it, analyse the picture, stop the page; then analyse it on the command line."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
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
            (path,) = web.post("/gradio_api/upload", files={"files": ("a.png", picture.read_bytes())}).json()
            photo = {"path": path, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
            event = web.post("/gradio_api/call/analyze", json={"data": [photo]}).json()["event_id"]
            answer = web.get(f"/gradio_api/call/analyze/{event}").text
        server.send_signal(signal.SIGTERM)
        told += server.communicate(timeout=120)[1]
    analyze = [sys.executable, "-m", "deepdect", "analyze", str(picture), "--json"]
    done = subprocess.run(analyze, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return {"page": page[:200], "answer": answer, "command": done.stdout, "told": told + done.stderr}


if __name__ == "__main__":
    print(json.dumps(visit(Path(sys.argv[1]))))
