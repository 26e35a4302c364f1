"""From a cold start to a served page: `python -m benchmarks.startup`, beside the smallest Gradio app there is.

Both are started in turns, each in a process of its own; the clock stops when a client has the page's HTML.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

ROOT = Path(__file__).resolve().parents[1]
EMPTY = """
import sys, gradio
with gradio.Blocks() as page:
    pass
page.launch(server_port=int(sys.argv[2]), quiet=True, prevent_thread_lock=True)
page.block_thread()
"""
DEADLINE = 120.0  # seconds


def seconds_to_page(command: list[str], port: int) -> float:
    """Start the command and ask for the page until it comes. Raises RuntimeError where it does not."""
    environment = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False", "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=nowhere, stderr=nowhere) as server:
        try:
            while time.monotonic() - began < DEADLINE and server.poll() is None:
                if _page(port):
                    return time.monotonic() - began
                time.sleep(0.02)
        finally:
            server.send_signal(signal.SIGTERM)
    raise RuntimeError(f"no page within {DEADLINE:g} s: {' '.join(command)}")


def _page(port: int) -> bool:
    """Whether the page's HTML comes."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as web:
            web.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            answer = b""
            while b"</html>" not in answer and (part := web.recv(65536)):
                answer += part
    except OSError:
        return False
    return answer.split()[1:2] == [b"200"] and b"</html>" in answer


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(runs: Annotated[int, typer.Option(min=1, help="Starts of each.")] = 5) -> None:
    """Measure and print."""
    taken: dict[str, list[float]] = {"an empty Gradio app": [], "app.py": []}
    for _ in range(runs):
        for name, times in taken.items():
            port = free_port()
            command = ["-c", EMPTY] if name != "app.py" else ["app.py"]
            times.append(seconds_to_page([sys.executable, *command, "--port", str(port)], port))
    empty = float(np.median(taken["an empty Gradio app"]))
    print("| page served | of the empty one | median s | slowest s |\n|---|---|---|---|")
    for name, times in taken.items():
        median = float(np.median(times))
        print(f"| {name} | {median / empty:.2f} | {median:.2f} | {max(times):.2f} |")


if __name__ == "__main__":
    typer.run(main)
