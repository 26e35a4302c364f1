"""The local engine: worker processes that may die, one file in the hands of each.

Workers are processes of their own, started afresh (never forked), each at the end of its own pair of pipes: one that
is killed can break nothing that others use, and which file it had is known.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from types import TracebackType
from typing import IO, Any, Self

from deepdect import scan_worker
from deepdect.scan_rows import Row, ScanError, failed_row

DEATHS = 2  # of workers over one file, after which it is given up
LEAVING = 2.0  # seconds that a worker may take from its last answer to its end, so that its own status is known
FAILED_STARTS = 3  # in a row, after which a worker is no longer replaced


class Pool:
    """Warm worker processes, to be used as a context.

    workers: how many. arguments: what follows the Python interpreter on a worker's command line; by default
    `deepdect.scan_worker` with the runtime auto. folder: where relative paths begin (default: the current folder).
    """

    def __init__(
        self, workers: int, arguments: Sequence[str] = ("-m", scan_worker.NAME), folder: str | None = None
    ) -> None:
        self._command = [sys.executable, *arguments]
        self._folder = folder
        self._failed_starts = 0
        self._hello: dict[str, Any] = {}
        self._workers = [_Worker(self._command, folder) for _ in range(workers)]

    def analyze(self, paths: Iterable[str]) -> Iterator[Row]:
        """A row for every path, in the order in which they are done; at most one path a worker is under way.

        A file whose worker dies is given to another, and is a row of status "unreadable" when that dies too. Raises
        ScanError where no worker can be started.
        """
        remaining, again, deaths = iter(paths), list[str](), dict[str, int]()
        while True:
            more = True
            for worker in [worker for worker in self._workers if worker.ready and worker.path is None]:
                path = again.pop() if again else next(remaining, None)
                if path is None:
                    more = False
                    break
                worker.give(path)
            if not more and all(worker.path is None for worker in self._workers):
                return
            answering = {w.answers.fileno(): w for w in self._workers if not w.ready or w.path is not None}
            for worker in [answering[pipe] for pipe in wait(answering) if isinstance(pipe, int)]:
                path = worker.path
                answer = worker.take()
                if answer is None:
                    ending = self._replace(worker)
                    if path is None:
                        continue
                    deaths[path] = deaths.get(path, 0) + 1
                    if deaths[path] < DEATHS:
                        again.append(path)
                    else:
                        yield self._given_up(path, ending)
                elif path is not None:
                    deaths.pop(path, None)
                    yield answer
                else:
                    self._greet(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers at once, whatever they are at."""
        for worker in self._workers:
            worker.end()

    def _greet(self, hello: dict[str, Any]) -> None:
        if "error" in hello:
            raise ScanError(hello["error"])
        self._hello, self._failed_starts = hello, 0

    def _replace(self, dead: _Worker) -> str:
        """Bury a worker and start another; how it ended, in words."""
        status = dead.end(LEAVING)
        self._workers.remove(dead)
        ending = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        if not dead.ready:
            self._failed_starts += 1
        if dead.ready or self._failed_starts < FAILED_STARTS:
            self._workers.append(_Worker(self._command, self._folder))
        elif not self._workers:
            raise ScanError(
                f"the workers die while they start (the last one: {ending}). Is there enough memory, about 0.5 GB for "
                "each of --workers?"
            )
        return ending

    def _given_up(self, path: str, ending: str) -> Row:
        reason = (
            f"analysing it ended the worker process {DEATHS} times (the last time: {ending}). It may be damaged, or "
            "need more memory than there is: check it, or scan it alone with --workers 1."
        )
        return failed_row(path, reason, self._hello["model"], self._hello["runtime"])


class _Worker:
    """One process. `ready` after its first answer; `path` is what it has in hand."""

    def __init__(self, command: list[str], folder: str | None) -> None:
        # its own process group, because Ctrl+C is for the scan alone, which then ends its workers
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=scan_worker.environment(),
            cwd=folder,
            process_group=0,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self._questions: IO[bytes] = self.process.stdin
        self.answers: IO[bytes] = self.process.stdout
        self.ready = False
        self.path: str | None = None

    def give(self, path: str) -> None:
        """Ask for a file's row. Where the worker is dead already, `take` will say so."""
        self.path = path
        with suppress(BrokenPipeError):
            self._questions.write(json.dumps(path).encode() + b"\n")
            self._questions.flush()

    def take(self) -> dict[str, Any] | None:
        """The answer that is due, after waiting for its end; None where the worker died instead."""
        line = self.answers.readline()
        if not line.endswith(b"\n"):
            return None
        self.ready, self.path = True, None
        return json.loads(line)

    def end(self, within: float = 0.0) -> int:
        """Kill the process if it lives; its exit status, negative for a signal. within: seconds to end by itself."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(within)
        self.process.kill()
        status = self.process.wait()
        for pipe in (self._questions, self.answers):
            with suppress(BrokenPipeError):  # a path that was never read
                pipe.close()
        return status
