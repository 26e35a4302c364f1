"""Start a built Space as its host would, in a virtual environment of its own, and ask it for a verdict over HTTP.

`make space-test`, or `python -m tests.space.check_space FOLDER ENVIRONMENT`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from pathlib import Path

from gradio_client import Client, handle_file

PORT = 7861
START_SECONDS = 180
EXAMPLE = Path("deepdect/ui/examples/real.png")


def main(folder: Path, environment: Path) -> None:
    """Print the verdict; raises SystemExit where there is none."""
    venv.create(environment, clear=True, with_pip=True)
    python = environment / "bin" / "python"
    wanted = (folder / "requirements.txt").read_text(encoding="utf-8")
    version = next(line.split()[0].split("==")[1] for line in wanted.splitlines() if line.startswith("gradio=="))
    # as the host does, in one step with packages of its own
    own = [f"gradio[oauth,mcp]=={version}", "uvicorn>=0.14.0", "websockets>=10.4"]
    command = [python, "-m", "pip", "install", "--quiet", "-r", folder / "requirements.txt", *own]
    subprocess.run(command, check=True)
    with tempfile.TemporaryDirectory() as empty:
        # what a host gives: its own home, a Space's name, no PYTHONPATH; the folder is where the app starts
        settings = {"PATH": os.environ["PATH"], "HOME": empty, "SPACE_ID": "someone/deepdect"}
        command = [python.absolute(), "app.py", "--port", str(PORT)]
        with subprocess.Popen(command, cwd=folder, env=settings) as server:
            try:
                ask(folder)
            finally:
                server.terminate()


def ask(folder: Path) -> None:
    """The example's verdict from the running page."""
    address, began = f"http://127.0.0.1:{PORT}", time.monotonic()
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            break
        except (urllib.error.URLError, TimeoutError):
            if time.monotonic() - began > START_SECONDS:
                sys.exit(f"the Space did not answer within {START_SECONDS} s")
            time.sleep(0.5)
    print(f"the page answered after {time.monotonic() - began:.1f} s")
    result = Client(address, verbose=False).predict(handle_file(str(folder / EXAMPLE)), api_name="/analyze")
    if result["status"] != "ok":
        sys.exit(f"no verdict: {result['status']}: {result['message']}")
    print(f"{result['verdict']}, fake probability {result['fake_probability']:.1%}, by {result['runtime']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
