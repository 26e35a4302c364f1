"""Speed, start-up and memory: `python -m benchmarks` prints the table and writes benchmarks/results.json.

Everything that is compared is measured in turns in one process; read the ratios first. `python -m benchmarks.scan`
measures many files.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import latency, measure
from benchmarks.pictures import jpeg, portrait
from deepdect import Detector
from deepdect.memory import keep_large_blocks

RESULTS = Path(__file__).resolve().parent / "results.json"


def _row(name: str, timing: measure.Timing, unit: float | None = None) -> str:
    ratio = "–" if unit is None else f"{timing.median / unit:.2f}"
    return f"| {name} | {ratio} | {timing.median:.1f} | {timing.p95:.1f} |"


def main(
    runs: Annotated[int, typer.Option(min=1, help="Measured calls each.")] = 40,
    tensorflow: Annotated[bool, typer.Option(help="Also time TensorFlow.")] = True,
    output: Annotated[Path, typer.Option(help="Where the figures go.")] = RESULTS,
) -> None:
    """Measure and print."""
    keep_large_blocks()  # as the command line does
    detector = Detector()
    print(f"\n{json.dumps(measure.machine())}\n")
    together = latency.side_by_side(detector, runs, tensorflow)
    product = measure.at_numpy_speed()
    backbone = together.get("openvino-int8", together[detector.runtime.name]).median
    print(f"| one crop or photo, {runs} runs in turns | of bare int8 | median ms | p95 ms |\n|---|---|---|---|")
    for name, timing in together.items():
        print(_row(name if name.startswith("analyze") else f"bare backbone, {name}", timing, backbone))
    print(f"| as many multiply-adds in a NumPy product, float32 | {product / backbone:.2f} | {product:.1f} | – |")

    parts = latency.stages(detector, runs)
    whole = sum(timing.median for name, timing in parts.items() if name != "head alone")
    print("\n| stage of a 1-megapixel photo | of the whole | median ms | p95 ms |\n|---|---|---|---|")
    for name, timing in parts.items():
        print(_row(name, timing, whole))
    few = max(3, runs // 4)
    sizes, faces = latency.by_size(detector, few), latency.by_faces(detector, few)
    print("\n| photo | of 1 MP | median ms | p95 ms |\n|---|---|---|---|")
    for name, timing in sizes.items():
        print(_row(name, timing, sizes["1 MP"].median))
    print("\n| scene of 2.6 MP | of one face | median ms | p95 ms |\n|---|---|---|---|")
    for name, (found, timing) in faces.items():
        print(_row(f"{name}, {found} found", timing, faces["1 faces"][1].median))
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "portrait.jpg"
        picture.write_bytes(jpeg(portrait(1.0)))
        cold = measure.cold_start(picture)
    results: dict[str, Any] = {
        "command": f"python -m benchmarks --runs {runs}{'' if tensorflow else ' --no-tensorflow'}",
        "machine": measure.machine(),
        "model": detector.model,
        "runtime": detector.runtime.name,
        "side_by_side_ms": {name: asdict(timing) for name, timing in together.items()},
        "arithmetic_limit_f32_ms": product,  # NumPy's speed; the key is older than the name
        "stages_ms": {name: asdict(timing) for name, timing in parts.items()},
        "by_size_ms": {name: asdict(timing) for name, timing in sizes.items()},
        "by_faces_ms": {name: asdict(timing) | {"found": found} for name, (found, timing) in faces.items()},
        "cold_start": asdict(cold),
        "additivity": latency.additivity(detector),
    }
    rounded = json.loads(json.dumps(results), parse_float=lambda text: round(float(text), 3))
    start = rounded["cold_start"]  # as it is written: a time rounded once might end in another digit
    print(f"\nFrom a cold process to the first JSON line: {start['seconds']:.2f} s, ", end="")
    print(f"peak memory {start['memory']:.0f} MiB.")
    output.write_text(json.dumps(rounded, indent=1) + "\n")
    print(f"\n{output}")


if __name__ == "__main__":
    typer.run(main)
