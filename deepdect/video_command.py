"""What `python -m deepdect video` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
from rich.progress import Progress, TextColumn, TimeElapsedColumn, track

from deepdect import video
from deepdect.detector import Detector
from deepdect.figures import tenths
from deepdect.frames import MAX_FPS
from deepdect.report import digest
from deepdect.scenes import Scenes
from deepdect.terminal import console, errors, plain, print_json, shown, unwritable
from deepdect.texts import ENGLISH


def run(
    paths: list[str],
    as_json: bool,
    fps: float,
    timeline: Path | None,
    report: Path | None,
    detector: Callable[[], Detector],
) -> int:
    """Judge and print; returns the exit status: 0 all analysed, 1 some could not be, 2 bad usage."""
    if not 0 < fps <= MAX_FPS:
        errors.print(f"--fps: expected more than 0 and at most {MAX_FPS:g}; received {fps:g}")
        return 2
    for option, file, ending in (("--timeline", timeline, ".png"), ("--report", report, ".pdf")):
        why = unwritable(file) if file else None
        if file and (why or len(paths) > 1 or file.suffix.lower() != ending):
            told = f"cannot be written: {why}. It takes" if why else "takes"
            errors.print(f"{option} {plain(str(file))}: {told} one video, and a {ending} file in a folder that exists")
            return 2
    # OpenCV's warning about a file that it cannot open would precede ours
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    judge, failed = detector(), False
    columns = (TextColumn("{task.description}"), TextColumn("{task.completed:.0f} s of video"), TimeElapsedColumn())
    for path in paths:
        with Progress(*columns, console=errors, transient=True) as bar:
            task, found = bar.add_task(shown(path), total=None), Scenes()
            sha256 = digest(Path(path)) if report else None  # of what is judged
            for step in video.steps(judge, path, fps):
                for look in step.looks:
                    bar.update(task, completed=look.t)
                    if report:
                        found.add(look)
            analysis = step.analysis
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
        if report and not analysis.people:
            errors.print(f"--report {plain(str(report))}: not written, since there is no verdict")
        elif report:
            pages = _report(judge, analysis, found, sha256)
            try:
                report.write_bytes(pages)
            except OSError as error:
                errors.print(f"--report {plain(str(report))}: cannot be written ({error.strerror or error})")
                return 2
            errors.print(f"[dim]report: {plain(str(report))}[/dim]")
    return 1 if failed else 0


def _report(detector: Detector, analysis: video.VideoAnalysis, found: Scenes, sha256: str | None) -> bytes:
    """The PDF, each moment's regions checked."""
    from deepdect.pdf import clip  # only now: it takes a while, and few need it

    with TemporaryDirectory() as folder:
        scenes = track(found.keep(Path(folder)), "report", console=errors, transient=True)
        moments = [(scene, photo) for scene in scenes if (photo := scene.verify(detector)) is not None]
        return clip.to_pdf(analysis, sha256, moments, ENGLISH)


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
