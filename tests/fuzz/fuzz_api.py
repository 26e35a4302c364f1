"""Random requests to the real app: `python -m tests.fuzz.fuzz_api [--seconds N]`, or `make fuzz WHAT=api`.

`app.py` runs in a process of its own, its memory watched; Hypothesis makes requests (tests/hostile/payloads.py) and
shortens one that breaks a promise. Now and then a good picture must still get its right answer. Exit status 0: nothing
was found.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.startup import free_port
from tests.hostile import payloads
from tests.load import soak

ROUND = 200  # requests between two pictures
MEBIBYTES = 2048  # that the server may take


class Run:
    """The requests so far, against one server."""

    def __init__(self, server: soak.Server) -> None:
        self.server, self.web = server, httpx.Client(base_url=server.url)
        self.outcomes: Counter[str] = Counter()
        self.slowest, self.face = 0.0, soak.portrait()

    def round(self) -> None:
        """ROUND requests, then a picture. Raises AssertionError, shortened to what caused it, where one goes wrong."""

        @settings(
            max_examples=ROUND, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(sent=payloads.requests())
        def every_one_is_answered(sent: payloads.Request) -> None:
            began = time.monotonic()
            self.outcomes[payloads.answered(self.web, sent)] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)

        every_one_is_answered()
        picture = soak.picture(0, 3 * self.outcomes["pictures"], self.face)
        outcome, answer = soak.ask(self.web, picture)
        assert answer is not None and picture.is_answered_by(answer), (outcome, answer)
        self.outcomes["pictures"] += 1
        self.server.measure(0)
        assert self.server.memory[-1][1] < MEBIBYTES, f"the server takes {self.server.memory[-1][1]:.0f} MiB"


def main() -> None:
    """Requests until the time is over, then what came back."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=1800, help="for how long (%(default)s)")
    chosen = parser.parse_args()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="fuzz-api-") as folder:
        server = soak.Server(port, Path(folder))
        server.start()
        run, began = Run(server), time.monotonic()
        try:
            while time.monotonic() - began < chosen.seconds:
                run.round()
        finally:
            server.stop(signal.SIGTERM)
            log = (Path(folder) / "server.log").read_text()
        counts = ", ".join(f"{count} x {outcome}" for outcome, count in run.outcomes.most_common())
        print(f"{sum(run.outcomes.values())} requests in {chosen.seconds} s: {counts}")
        memory = run.server.memory[:: max(1, len(run.server.memory) // 10)]
        print(f"slowest answer {run.slowest:.2f} s; memory {', '.join(f'{size:.0f}' for _, size in memory)} MiB")
        left = [path.name for path in Path(folder).rglob("*") if path.is_file() and path.name != "server.log"]
        if left or "fuzz" in log:
            sys.exit(f"left on the disk: {left}; what a client sent is in the log: {'fuzz' in log}")


if __name__ == "__main__":
    main()
