"""What `python -m deepdect video` does."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn

from deepdect import video
from deepdect.detector import Detector
from deepdect.figures import tenths
from deepdect.frames import MAX_FPS
from deepdect.terminal import console, errors, plain, print_json, shown, unwritable
from deepdect.texts import ENGLISH


def run(paths: list[str], as_json: bool, fps: float, timeline: Path | None, detector: Callable[[], Detector]) -> int:
    """Judge and print; returns the exit status: 0 all analysed, 1 some could not be, 2 bad usage."""
    if not 0 < fps <= MAX_FPS:
        errors.print(f"--fps: expected more than 0 and at most {MAX_FPS:g}; received {fps:g}")
        return 2
    if timeline:
        why = unwritable(timeline)
        told = f"cannot be written: {why}. It takes" if why else "takes"
        if why or len(paths) > 1 or timeline.suffix.lower() != ".png":
            wanted = "one video, and a .png file in a folder that exists"
            errors.print(f"--timeline {plain(str(timeline))}: {told} {wanted}")
            return 2
    # OpenCV's warning about a file that it cannot open would precede ours
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    judge, failed = detector(), False
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:.0f} s of video"), TimeElapsedColumn())
    for path in paths:
        with Progress(*columns, console=errors, transient=True) as bar:
            reached = partial(_reached, bar, bar.add_task(shown(path), total=None))
            analysis = video.analyze(judge, path, fps, progress=reached)
        failed |= analysis.status != "ok"
        if as_json:
            print_json(analysis.to_json())
        else:
            _describe(analysis)
        if timeline and analysis.people:
            from explain import timeline as drawing  # only now: matplotlib takes a while

            try:
                drawing.draw(analysis.people, judge.calibration.low, judge.calibration.high, timeline)
            except OSError as error:
                errors.print(f"--timeline {plain(str(timeline))}: cannot be written ({error.strerror or error})")
                return 2
            errors.print(f"[dim]timeline: {plain(str(timeline))}[/dim]")
    return 1 if failed else 0


def _reached(bar: Progress, task: TaskID, t: float) -> None:
    bar.update(task, completed=t)


def _describe(analysis: video.VideoAnalysis) -> None:
    """The result for a person, on standard output."""
    suspect = analysis.suspect
    if suspect is None:
        console.print(f"{shown(analysis.path)}: [red]{analysis.status}[/red] {plain(analysis.message)}")
        return
    console.print(
        f"{shown(analysis.path)}: [bold]{suspect.verdict}[/bold], "
        f"fake probability {tenths(suspect.fake_probability)}, {len(analysis.people)} person(s)"
    )
    if analysis.message:
        console.print(f"  [yellow]{plain(analysis.message)}[/yellow]")
    for person in analysis.people:
        first, last = person.moments[0].t, person.moments[-1].t
        peak = max(person.moments, key=lambda moment: moment.logit)
        console.print(
            f"  person {person.number}: {person.verdict}, {tenths(person.fake_probability)}, "
            f"{len(person.moments)} frames from {first:.1f} to {last:.1f} s, "
            f"most suspicious at {peak.t:.1f} s ({tenths(peak.fake_probability)})"
            f"{', ' + ENGLISH.person_brief if len(person.moments) < video.ENOUGH else ''}"
        )
