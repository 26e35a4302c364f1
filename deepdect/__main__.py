"""Command line: `python -m deepdect analyze FILE...`, and `video`, `scan`, `serve` and `mcp`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from deepdect import Analysis, Detector, __version__, origin
from deepdect.figures import tenths
from deepdect.memory import keep_large_blocks
from deepdect.overlay_names import OverlayNames
from deepdect.report import Entry, digest
from deepdect.runtime import RUNTIMES, RuntimeUnavailableError
from deepdect.scan import ENGINES, ScanError
from deepdect.scan import scan as run_scan
from deepdect.terminal import console, errors, lenient, plain, print_json, shown, unwritable
from deepdect.texts import CODES, ENGLISH
from deepdect.weights import WeightsError
from explain import reasons
from explain.regions import RegionEvidence

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
RuntimeChoice = StrEnum("RuntimeChoice", {name: name for name in RUNTIMES})  # type: ignore[misc]  # made from a tuple
EngineChoice = StrEnum("EngineChoice", {name: name for name in ENGINES})  # type: ignore[misc]  # made from a tuple
Language = StrEnum("Language", {code: code for code in ("auto", *CODES)})  # type: ignore[misc]  # made from a tuple
COLOURS = {"real": "blue", "deepfake": "dark_orange", "inconclusive": "yellow"}


def _version(wanted: bool) -> None:
    if wanted:
        from deepdect import weights

        try:
            print(f"deepdect {__version__}, weights {weights.load().sha256}")
        except WeightsError as error:
            errors.print(f"deepdect {__version__}; {plain(str(error))}")
            raise typer.Exit(2) from error
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print versions and exit.")
    ] = False,
) -> None:
    """Is this face real or a deepfake, how sure, and which parts of the face say so."""
    keep_large_blocks()
    lenient()


@app.command()
def analyze(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Pictures to analyse.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per file, in order.")] = False,
    overlay_folder: Annotated[
        Path | None,
        typer.Option("--overlay", metavar="DIR", help="Write each picture with its evidence map and bar charts here."),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check each region's evidence by hiding it (ten more passes a face).")
    ] = False,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.pdf", help="Write a report, a page a face.")
    ] = None,
    runtime: Annotated[RuntimeChoice | None, typer.Option(help="How to run the network (default: auto).")] = None,
) -> None:
    """Judge pictures. Exit status: 0 all analysed, 1 some could not be (or not drawn), 2 bad usage."""
    detector = _detector(runtime.value if runtime else None)
    if overlay_folder:
        try:
            overlay_folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            errors.print(f"--overlay {plain(str(overlay_folder))}: cannot make this folder ({error.strerror})")
            raise typer.Exit(2) from error
    if report_file:
        why = unwritable(report_file) if report_file.suffix.lower() == ".pdf" else "its name does not end in .pdf"
        if why:
            told = f"cannot be written: {why}. Name a .pdf file in a folder that exists"
            errors.print(f"--report {plain(str(report_file))}: {told}")
            raise typer.Exit(2)
    failed = False
    digests: list[str | None] = []
    entries: list[Entry] = []
    names = OverlayNames()

    def taken() -> Iterator[str]:
        """The files, hashed for the report right before they are read: its checksum is of what was judged."""
        for file in files:
            digests.append(digest(Path(file)) if report_file else None)
            yield file

    for number, analysis in enumerate(detector.analyze_many(taken(), verify=verify)):
        failed |= analysis.status != "ok"
        if as_json:
            print_json(analysis.to_json())
        else:
            _describe(analysis)
        if overlay_folder and analysis.status == "ok":
            failed |= not _overlay(analysis, overlay_folder / names(Path(analysis.path).stem))
        if report_file:
            entries.append(Entry.hashed(analysis, Path(analysis.path), digests[number]))
    if report_file:
        _report(entries, report_file)
    raise typer.Exit(1 if failed else 0)


@app.command()
def video(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Videos to analyse.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per video, in order.")] = False,
    fps: Annotated[float, typer.Option(help="Frames of a second that are looked at.")] = 4.0,
    timeline: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the probabilities over time (one video at a time).")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.pdf", help="Write a report for people (one video at a time).")
    ] = None,
    runtime: Annotated[RuntimeChoice | None, typer.Option(help="How to run the network (default: auto).")] = None,
) -> None:
    """Judge videos, person by person. Exit status: 0 all analysed, 1 some could not be, 2 bad usage."""
    from deepdect import video_command

    name = runtime.value if runtime else None
    code = video_command.run(paths, as_json, fps, timeline, report, lambda: _detector(name))
    raise typer.Exit(code)


@app.command()
def scan(
    source: Annotated[
        str, typer.Argument(metavar="DIR|LIST", help="A folder, a text file with one path a line, or - for such lines.")
    ],
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="A .jsonl or .parquet file.")],
    engine: Annotated[
        EngineChoice | None, typer.Option(help="Worker processes here (local, the default) or a Ray cluster.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the output where it ends.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Files at a time, each on one thread (default: one a CPU).")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="The Ray cluster, such as ray://head:10001 or auto (default: this machine).")
    ] = None,
    runtime: Annotated[RuntimeChoice | None, typer.Option(help="How to run the network (default: auto).")] = None,
) -> None:
    """Judge any number of pictures, a row of the output each, with a `--resume` after any interruption.

    Exit status: 0 all analysed, 1 some could not be, 2 bad usage or stopped by an error, 130 stopped by Ctrl+C.
    """
    go_on = "The rows so far are kept: the same command with --resume goes on."
    try:
        outcome = run_scan(
            source,
            output,
            engine=engine.value if engine else "local",
            workers=workers,
            resume=resume,
            runtime=runtime.value if runtime else None,
            address=address,
        )
    except (ScanError, WeightsError) as error:
        errors.print(plain(str(error)))
        raise typer.Exit(2) from error
    except OSError as error:
        errors.print(f"{plain(str(output))}: {plain(str(error))}. {go_on}")
        raise typer.Exit(2) from error
    except KeyboardInterrupt as error:
        errors.print(f"Stopped. {go_on}")
        raise typer.Exit(130) from error
    summary = f"{outcome.rows:,} rows in {output}, {outcome.failed:,} without a verdict"
    if outcome.others:
        summary += f"; {outcome.others:,} are of files that {source} does not name, from an earlier scan"
    errors.print(plain(summary))
    raise typer.Exit(1 if outcome.failed else 0)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for other machines, too.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page, 0 for any free one.")] = 7860,
    share: Annotated[
        bool, typer.Option("--share", help="Also make a public link (relayed by Gradio's servers).")
    ] = False,
    auth: Annotated[
        str | None, typer.Option(metavar="USER:PASSWORD", help="Ask visitors to log in (or set DEEPDECT_AUTH).")
    ] = None,
    rate: Annotated[int | None, typer.Option(help="Uploads, and questions, a minute of one client.")] = None,
    trusted_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Whose X-Forwarded-For names the client, an address or a network."),
    ] = None,
    lang: Annotated[
        Language, typer.Option(help="Language to begin with (auto: what each visitor's browser asks for).")
    ] = Language.auto,  # type: ignore[attr-defined]  # made from a tuple
) -> None:
    """Start the web page."""
    from deepdect import ui

    try:
        access = ui.Access.from_options(auth, rate, trusted_proxy or [])
    except ValueError as error:
        errors.print(plain(str(error)))
        raise typer.Exit(2) from error
    chosen = None if lang == "auto" else lang.value
    ui.serve(_detector(None), host=host, port=port, share=share, access=access, lang=chosen)


@app.command()
def mcp(
    runtime: Annotated[
        RuntimeChoice | None, typer.Option(help="What runs the network. Default: DEEPDECT_RUNTIME, else auto.")
    ] = None,
) -> None:
    """Offer the analysis as tools to an AI assistant (Model Context Protocol over standard input and output)."""
    from deepdect import mcp_server

    chosen: Any = runtime.value if runtime else None  # checked by typer
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else the thread that waits for input would outlive it
    mcp_server.build(lambda: Detector(chosen)).run("stdio")


def _detector(runtime: str | None) -> Detector:
    """The detector, or the reason why there is none, as bad usage."""
    try:
        return Detector(runtime)  # type: ignore[arg-type]  # checked by typer, and by Detector for the environment's
    except (RuntimeUnavailableError, WeightsError, ValueError) as error:
        errors.print(plain(str(error)))
        raise typer.Exit(2) from error


def _overlay(analysis: Analysis, target: Path) -> bool:
    """Write the overlay, or say why not: then False, and the other pictures go on."""
    name = shown(target)
    try:
        Image.fromarray(analysis.evidence_sheet()).save(target)
    except OSError as error:
        errors.print(f"overlay {name}: cannot be written ({error.strerror or error})")
        return False
    errors.print(f"[dim]overlay: {name}[/dim]")
    return True


def _report(entries: list[Entry], file: Path) -> None:
    """Write the PDF, or say why not, as bad usage."""
    from deepdect import pdf  # only now: it takes a while, and few need it

    try:
        file.write_bytes(pdf.to_pdf(entries, ENGLISH))
    except OSError as error:
        errors.print(f"--report {plain(str(file))}: cannot be written ({error.strerror or error})")
        raise typer.Exit(2) from error
    errors.print(f"[dim]report: {plain(str(file))}[/dim]")


def _describe(analysis: Analysis) -> None:
    """The result for a person, on standard output."""
    if analysis.status != "ok":
        console.print(
            f"{shown(analysis.path)}: [red]{analysis.status}[/red] {plain(analysis.message)}",
        )
        return
    assert analysis.verdict is not None and analysis.fake_probability is not None
    colour = COLOURS[analysis.verdict]
    console.print(
        f"{shown(analysis.path)}: [{colour}]{analysis.verdict}[/{colour}], "
        f"fake probability {tenths(analysis.fake_probability)}, {len(analysis.faces)} face(s)",
    )
    for number, face in enumerate(analysis.faces, start=1):
        strongest = sorted(face.regions, key=lambda region: -abs(region.evidence))[:3]
        evidence = ", ".join(f"{region.name} {region.evidence:+.2f}{_checked(region)}" for region in strongest)
        notes = f" [dim]({'; '.join(face.warnings)})[/dim]" if face.warnings else ""
        console.print(
            f"  face {number}: {face.verdict}, {tenths(face.fake_probability)}, "
            f"strongest evidence in logits: {evidence}{notes}",
        )
        console.print(f"    {plain(reasons.sentence(face.reason))}")
    for message in origin.read_file(analysis.path):
        console.print(f"  about the file, apart from the verdict: {plain(message)}")


def _checked(region: RegionEvidence) -> str:
    """What hiding the region found, where it was hidden."""
    return {True: " (confirmed)", False: " (not confirmed)", None: ""}[region.verified]


if __name__ == "__main__":
    if sys.argv[1:2] not in (["scan"], ["serve"], ["mcp"]) and hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # whoever reads our output may stop: that is no failed analysis
    app(prog_name="python -m deepdect")
