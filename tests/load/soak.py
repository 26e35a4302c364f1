"""The app under load: `python -m tests.load.soak [--seconds N] [--clients N]`, or `make soak`.

A real `app.py` on this machine, and clients that each send pictures of a size that is theirs alone, good ones and
bad ones, and hold every answer against the picture they sent. Then a phase in which requests are given up while they
wait, four a second; then the server is killed in the middle and started again: clients may get errors, never an answer
that belongs to somebody else. Exit status 0: nothing was lost or swapped. Writes a report in Markdown.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

from benchmarks import measure
from benchmarks.startup import free_port

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "runs" / "soak.md"
CANCELS_A_SECOND = 4
PHASES = ("load", "cancels", "crash")


# ------------------------------------------------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Picture:
    """What a client sends, and what must come back for it."""

    name: str
    data: bytes
    status: str
    size: tuple[int, int] | None  # width, height

    def is_answered_by(self, answer: dict[str, Any]) -> bool:
        """Whether this is the answer to this picture, and to no other client's."""
        size = None if answer["width"] is None else (answer["width"], answer["height"])
        right = answer["status"] == self.status and size == self.size
        # a message names the picture, which is named after its client and turn
        return right and (answer["status"] == "ok" or self.name in answer["message"])


def picture(client: int, turn: int, face: Image.Image) -> Picture:
    """The client's next picture: of three, one with a face, one without, and one that cannot be read.

    The width tells the client, the height its turn, so that two pictures that are under way together never agree.
    """
    size = (400 + 2 * client, 400 + turn % 200)
    name = f"client-{client}-turn-{turn}.jpg"
    kind = turn % 3
    if kind == 0:
        canvas = Image.new("RGB", size, (110, 120, 130))
        canvas.paste(face, (20, 20))
        return Picture(name, _jpeg(canvas), "ok", size)
    if kind == 1:
        return Picture(name, _jpeg(Image.new("RGB", size, (110, 120, 130))), "no_face", size)
    bad = [(b"", "unreadable"), (b"<svg/>", "unsupported"), (_jpeg(Image.new("RGB", size))[:300], "unreadable")]
    data, status = bad[turn // 3 % len(bad)]
    return Picture(name, data + (b"" if status == "unsupported" or not data else b"\0"), status, None)


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()


def portrait() -> Image.Image:
    """The one face that tests may use, 360 x 360."""
    from skimage import data

    return Image.fromarray(np.ascontiguousarray(data.astronaut()[:360, 50:410]))


# -------------------------------------------------------------------------------------------------------------- server


@dataclass
class Server:
    """`app.py` in a process of its own, and the memory it took."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds since the start, MiB

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when the page answers. Raises RuntimeError where it does not within two minutes."""
        command = [sys.executable, "app.py", "--port", str(self.port)]
        environment = {**_environment(), "TMPDIR": str(self.folder)}
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/config", timeout=5).status_code == 200:
                    return
            time.sleep(0.2)
        raise RuntimeError(f"the page did not start: {(self.folder / 'server.log').read_text()[-2000:]}")

    def stop(self, how: signal.Signals) -> None:
        """End it, gently or not, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(60)

    def measure(self, since: float) -> None:
        """Note the memory it has now."""
        if self.process is not None:
            with suppress(OSError, StopIteration):
                lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
                kilobytes = int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
                self.memory.append((time.monotonic() - since, kilobytes / 1024))


def _environment() -> dict[str, str]:
    unwanted = {"SPACE_ID", "GRADIO_TEMP_DIR", "DEEPDECT_AUTH"}
    return {name: value for name, value in os.environ.items() if name not in unwanted}


# ------------------------------------------------------------------------------------------------------------- clients


class Tally:
    """What became of every request, from all clients' threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.counts: dict[str, Counter[str]] = {phase: Counter() for phase in PHASES}
        self.seconds: list[float] = []
        self.wrong: list[str] = []

    def add(self, phase: str, outcome: str, seconds: float | None = None, wrong: str = "") -> None:
        """One request's outcome; with the seconds that it took, and in words what was wrong with its answer."""
        with self._lock:
            self.counts[phase][outcome] += 1
            if seconds is not None and phase == "load":
                self.seconds.append(seconds)
            if wrong:
                self.wrong.append(wrong)


def endpoint(web: httpx.Client) -> int:
    """Gradio's number for "analyze", by which running requests are cancelled."""
    listeners = web.get("/config").raise_for_status().json()["dependencies"]
    return next(listener["id"] for listener in listeners if listener["api_name"] == "analyze")


def ask(web: httpx.Client, sent: Picture, give_up: bool = False) -> tuple[str, dict[str, Any] | None]:
    """Upload and analyse: ("answered", the answer), or ("busy" | "given up" | "failed" | "lost", None)."""
    upload = web.post("/gradio_api/upload", files={"files": (sent.name, sent.data)})
    if upload.status_code == 503:
        return "busy", None
    (path,) = upload.raise_for_status().json()
    photo = {"path": path, "orig_name": sent.name, "meta": {"_type": "gradio.FileData"}}
    session = f"soak-{sent.name}"
    call = web.post("/gradio_api/call/analyze", json={"data": [photo], "session_hash": session})
    if call.status_code == 503:
        return "busy", None
    event = call.raise_for_status().json()["event_id"]
    if give_up:
        cancel = {"session_hash": session, "event_id": event, "fn_index": endpoint(web)}
        web.post("/gradio_api/cancel", json=cancel).raise_for_status()
        return "given up", None
    with web.stream("GET", f"/gradio_api/call/analyze/{event}") as stream:
        events = stream.read().decode()
    if "event: complete" not in events:
        return ("failed" if "event: error" in events else "lost"), None
    return "answered", json.loads(events.rpartition("data: ")[2])[0]


def client(
    number: int, server: Server, face: Image.Image, tally: Tally, phase: Callable[[], str | None], givers: int
) -> None:
    """Sends one picture after another until there is no phase any more; the first `givers` give up during cancels."""
    turn = 0
    pause = random.Random(number)
    web = httpx.Client(base_url=server.url, timeout=120)
    while (now := phase()) is not None:
        sent = picture(number, turn, face)
        turn += 1
        give_up = now == "cancels" and number < givers
        started = time.monotonic()
        try:
            outcome, answer = ask(web, sent, give_up)
        except (httpx.HTTPError, json.JSONDecodeError, ValueError):
            tally.add(phase() or "crash", "error")  # asked before the crash, it may end in it
            time.sleep(0.5)
            continue
        took = time.monotonic() - started
        if answer is not None and not sent.is_answered_by(answer):
            seen = {name: answer[name] for name in ("status", "width", "height", "message")}
            tally.add(now, "wrong", took, f"{sent.name} ({sent.status}, {sent.size}) was answered by {seen}")
        else:
            tally.add(now, outcome, took if outcome == "answered" else None)
        if give_up:
            time.sleep(max(0.0, givers / CANCELS_A_SECOND - took))
        elif outcome == "busy":
            time.sleep(pause.uniform(0.5, 2))


# -------------------------------------------------------------------------------------------------------------- a run


def run(seconds: float, clients: int) -> tuple[Tally, Server]:
    """The whole run: load for that long, cancels for a fifth of it, and as long again with a crash in its middle."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        server, tally, face = Server(port, Path(folder)), Tally(), portrait()
        server.start()
        begun = time.monotonic()
        ends = {"load": seconds, "cancels": 1.2 * seconds, "crash": 1.4 * seconds}

        def phase() -> str | None:
            elapsed = time.monotonic() - begun
            return next((name for name, end in ends.items() if elapsed < end), None)

        givers = min(CANCELS_A_SECOND, clients // 2)  # the others must not notice
        threads = [
            threading.Thread(target=client, args=(number, server, face, tally, phase, givers))
            for number in range(clients)
        ]
        for thread in threads:
            thread.start()
        crashed = False
        while phase() is not None:
            server.measure(begun)
            if not crashed and time.monotonic() - begun > 1.25 * seconds:
                crashed, ends["crash"] = True, math.inf  # however long the restart takes
                server.stop(signal.SIGKILL)
                server.start()
                ends["crash"] = time.monotonic() - begun + max(20, 0.15 * seconds)  # to be seen working again
            time.sleep(min(1.0, seconds / 50))
        for thread in threads:
            thread.join()
        server.stop(signal.SIGTERM)
    return tally, server


def failures(tally: Tally) -> list[str]:
    """What must not happen, in words."""
    found = list(tally.wrong)
    for phase in PHASES:
        counts = tally.counts[phase]
        if counts["answered"] == 0:
            found.append(f"{phase}: nothing was answered")
        for outcome in ("lost", "failed", "error"):
            if counts[outcome] and phase != "crash":
                found.append(f"{phase}: {counts[outcome]} requests ended as {outcome}")
    return found


def report(tally: Tally, server: Server, seconds: float, clients: int) -> str:
    """The run as Markdown."""
    outcomes = ("answered", "busy", "given up", "error", "failed", "lost", "wrong")
    times = sorted(tally.seconds)
    quantiles = statistics.quantiles(times, n=20, method="inclusive") if len(times) > 1 else [float("nan")] * 19
    here = measure.machine()
    machine = f"{here['usable_cpus']} CPUs, {here['cpu']}"
    lines = [
        "# Load",
        "",
        f"`make soak`: {clients} clients for {seconds:.0f} s against one `app.py` on the same machine ({machine}),",
        f"then {CANCELS_A_SECOND} requests a second given up as they wait, then the server killed and started again.",
        "Every answer was compared with the picture that was sent (status, width, height, name). *busy*: told to come",
        "back; *error*, while the server was away: the connection failed.",
        "",
        f"| phase | {' | '.join(outcomes)} |",
        f"|---|{'---|' * len(outcomes)}",
    ]
    for phase in PHASES:
        lines.append(f"| {phase} | {' | '.join(str(tally.counts[phase][outcome]) for outcome in outcomes)} |")
    memory = server.memory[:: max(1, len(server.memory) // 10)]
    lines += [
        "",
        f"Under load an answer took {quantiles[9]:.2f} s (median), {quantiles[18]:.2f} s (95 %).",
        "",
        "Memory of the server: " + ", ".join(f"{mebibytes:.0f} MiB at {at:.0f} s" for at, mebibytes in memory) + ".",
        "",
        *(f"- {failure}" for failure in failures(tally)),
        "" if failures(tally) else "Nothing was lost or swapped.\n",
    ]
    return "\n".join(lines)


def main() -> None:
    """Run, write the report, and end with status 1 where anything was lost or swapped."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300, help="of load (%(default)s)")
    parser.add_argument("--clients", type=int, default=32, help="at once (%(default)s)")
    parser.add_argument("--report", type=Path, default=REPORT, help="Markdown file to write (%(default)s)")
    chosen = parser.parse_args()
    tally, server = run(chosen.seconds, chosen.clients)
    words = report(tally, server, chosen.seconds, chosen.clients)
    chosen.report.parent.mkdir(parents=True, exist_ok=True)
    chosen.report.write_text(words, encoding="utf-8")
    print(words)
    sys.exit(1 if failures(tally) else 0)


if __name__ == "__main__":
    main()
