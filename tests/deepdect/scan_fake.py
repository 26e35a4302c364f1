"""A scan worker without a network, run as a script: what becomes of a file is in its name.

"kill": the worker is killed; "once": killed, but only the first time; "leave": it ends by itself, a while after its
answers do; "raise": an exception; "slow": waits 10 ms.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from deepdect import weights
from deepdect.analysis import Analysis
from deepdect.scan_worker import serve

MODEL = {"name": "fake", "version": "1", "sha256": (weights.FOLDER / weights.CHECKSUM_FILE).read_text().split()[0]}


class Fake:
    model = MODEL
    runtime = SimpleNamespace(name="fake")

    def analyze(self, path: str) -> Analysis:
        name = os.path.basename(path)
        print("noise on standard output", path.encode("utf-8", "replace"), flush=True)
        if "slow" in name:
            time.sleep(0.01)
        if "once" in name:
            marker = Path(f"{path}.seen")
            if not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if "actor" in name and not os.path.exists(f"{path}.seen"):
            Path(f"{path}.seen").touch()
            os.kill(os.getppid(), signal.SIGKILL)
        if "kill" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "leave" in name:
            os.closerange(3, 64)
            time.sleep(0.3)
            os._exit(4)
        if "raise" in name:
            raise RuntimeError("a fault")
        return Analysis(path, "no_face", f"seen {name}", len(name), 1, None, None, [], MODEL, "fake", 0.0)


def open_fake() -> Fake:
    if "--refuse" in sys.argv:
        raise ValueError("no such runtime")
    if "--die" in sys.argv:
        os._exit(3)
    return Fake()


if __name__ == "__main__":
    serve(open_fake)
