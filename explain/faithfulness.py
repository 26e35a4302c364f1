"""How far the maps can be believed: `python -m explain.faithfulness DATA_FOLDER` prints the tables.

Ours stands beside Grad-CAM++, Score-CAM, sliding occlusion, Integrated Gradients, noise and a blob in the middle of the
face, all as 8 x 8 cells and on the same faces (`explain.bench`). `explain.faithfulness_metrics` says what the figures
are, and `explain.baselines` how the other maps are made.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import ArrayLike, NDArray

from deepdect import network
from explain import baselines, reasons, regions
from explain.baselines import BATCH, Case
from explain.bench import SWAPS, Bench, Made, forge
from explain.faithfulness_metrics import STEPS, interval, jpeg
from explain.progress import follow
from explain.sampling import spread
from explain.trials import OURS, Values, on_faces, on_forgeries, on_random_networks
from training.inputs import check_output, chosen_runtime, command
from training.pseudo_fakes import TRANSPLANTED

QUALITY = 70  # of the JPEG compression under which a map should stay the same
CONFIDENT = 0.9  # fake probability of a confident verdict


def table(header: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()])


def written(values: Sequence[float], groups: ArrayLike) -> str:
    """Mean and 95 % interval as "0.412 (0.390–0.433)"."""
    mean, low, high = interval(values, groups)
    return "–" if np.isnan(mean) else f"{mean:.3f} ({low:.3f}–{high:.3f})"


def faces_as_they_are(bench: Bench, count: int, steps: int) -> Values:
    """Deletion, insertion and stability; prints the table."""
    chosen = spread(bench.crops.sources, count, bench.random)
    pixels = np.asarray(bench.crops.pixels[chosen])
    plain = bench.cases(pixels)
    compressed = bench.cases(np.stack([jpeg(crop, QUALITY) for crop in pixels]), [case.sign for case in plain])
    values = on_faces(plain, compressed, bench.detector.score, bench.maps, steps)
    print(f"\n{len(plain)} Test faces, each explained as what the model takes it for; curves of {steps} steps.\n")
    columns, groups = ("deletion", "insertion", "stability"), bench.groups[chosen]
    rows = {name: [written(figures[column], groups) for column in columns] for name, figures in values.items()}
    print(table(["map", "deletion AUC ↓", "insertion AUC ↑", f"rank correlation at JPEG q{QUALITY} ↑"], rows))
    return values


def known_places(bench: Bench, made: Mapping[str, Sequence[Made]]) -> dict[str, Values]:
    """Pointing game and energy on the forgeries that the model leans to calling fake; prints a table a kind."""
    found = {}
    for kind, forged in made.items():
        seen = _above(bench, forged, 0.5)
        print(f"\nOf {len(forged)} {kind}: {len(seen)} have a fake probability above .5. On these:\n")
        found[kind] = _pointed(seen, bench.maps)
        rows = {
            name: [written(figures[column], [one.group for one in seen]) for column in ("pointing", "energy")]
            for name, figures in found[kind].items()
        }
        print(table(["map", "pointing game ↑", "energy on it, relative to its area ↑"], rows))
    return found


def swaps_named(bench: Bench, swaps: Sequence[Made], threshold: float) -> Values:
    """Of region swaps called deepfake: is the swapped region named first, and pointed at? Prints the table.

    Named first is what `explain.reasons` would name, refuted regions left out; a face of which nothing is left to be
    named counts as not named. Beside it, whether a blob in the middle of the face would have named it, and how
    often hiding confirms the swapped region, and the nine others, which are as they were.
    """
    accused = _above(bench, swaps, threshold)
    values: Values = {row: defaultdict(list) for row in ("all", *TRANSPLANTED)}
    pointed = _pointed(accused, {OURS: baselines.ours})[OURS]["pointing"]
    logits = bench.logits([one.case for one in accused])
    for one, logit, hit in zip(accused, logits.tolist(), pointed, strict=True):
        found = bench.regions(one.case, one.landmarks, logit)
        strongest = max(found, key=lambda region: region.evidence)
        reason = reasons.find("deepfake", logit, found)
        first = reason.regions[0].name if reason.regions else None
        for row in ("all", one.region):
            values[row]["pointed at"].append(hit)
            values[row]["first by evidence"].append(float(strongest.name == one.region))
            values[row]["named first"].append(float(first == one.region))
            values[row]["first by the blob"].append(float(_blobs_first(one) == one.region))
            values[row]["it verified"].append(
                float(np.mean([r.verified is True for r in found if r.name == one.region]))
            )
            values[row]["others verified"].append(
                float(np.mean([r.verified is True for r in found if r.name != one.region]))
            )
    print(
        f"\nOf {len(swaps)} region swaps, {len(accused)} have a fake probability of at least {threshold:g}. Of these:\n"
    )
    columns = ("pointed at", "first by evidence", "named first", "first by the blob", "it verified", "others verified")
    rows = {}
    for row, figures in values.items():
        groups = [one.group for one in accused if row in ("all", one.region)]
        rows[row] = [str(len(groups)), *(written(figures[column], groups) for column in columns)]
    print(table(["swapped", "faces", *columns], rows))
    return values


def confident_fakes(bench: Bench, most: int) -> Values:
    """Of the fakes that the model is sure of, by source: did hiding confirm the strongest region? Prints the table.

    Beside it stands the share of the other regions that hiding confirmed: what naming any other would have given.
    """
    print(f"\nTest fakes with a fake probability of at least {CONFIDENT:g}, at most {most} a source. Verified are:\n")
    sources, fake = bench.crops.sources, bench.crops.labels > 0.5
    columns = ("first region", "any other")
    values: Values = {}
    rows = {}
    for source in np.unique(sources[fake]).tolist():
        sure = _confident(bench, bench.random.permutation(np.flatnonzero(fake & (sources == source))), most)
        verified: dict[str, list[float]] = {column: [] for column in columns}
        for i, case, logit in follow(sure, source):
            found = sorted(bench.regions(case, bench.landmarks[i], logit), key=lambda region: -region.evidence)
            verified["first region"].append(float(found[0].verified is True))
            verified["any other"].append(float(np.mean([region.verified is True for region in found[1:]])))
        values[source] = verified
        groups = [bench.groups[i] for i, _, _ in sure]
        rows[source] = [str(len(sure)), *(written(verified[column], groups) for column in columns)]
    print(table(["source", "fakes", *columns], rows))
    return values


def random_networks(bench: Bench, count: int, draws: int, seed: int) -> Values:
    """A network that knows nothing must not give the same map. Prints the table."""
    pixels = np.asarray(bench.crops.pixels[spread(bench.crops.sources, count, bench.random)])
    values = on_random_networks(bench.model, pixels, draws, seed)
    print(f"\n|Rank correlation| with the maps of re-initialised networks ({draws}), {len(pixels)} faces:\n")
    stages, faces = list(reversed(network.STAGES)), list(range(len(pixels))) * draws
    rows = {name: [written(figures[stage], faces) for stage in stages] for name, figures in values.items()}
    print(table(["map", *(f"{stage} and above" for stage in stages)], rows))
    return values


def main(
    data: Annotated[Path, typer.Argument(help="Folder in the paper's layout, or with a manifest.csv.")],
    faces: Annotated[int, typer.Option(min=2, help="Test faces for deletion, insertion and stability.")] = 200,
    forgeries: Annotated[int, typer.Option(min=2, help="Forgeries of each kind made from real Test faces.")] = 100,
    swaps: Annotated[int, typer.Option(min=2, help="Region swaps to see which of them are named.")] = 200,
    confident: Annotated[int, typer.Option(min=1, help="Most confident fakes of each source.")] = 50,
    random_faces: Annotated[int, typer.Option(min=2, help="Faces for the randomised networks.")] = 16,
    draws: Annotated[int, typer.Option(min=1, help="Randomised networks.")] = 3,
    steps: Annotated[int, typer.Option(min=2, max=64, help="Steps of the deletion and insertion curves.")] = STEPS,
    called: Annotated[
        float | None, typer.Option(help="Fake probability of a swap called deepfake (default: the shipped threshold).")
    ] = None,
    cache: Annotated[Path, typer.Option(help="Where the aligned crops are kept.")] = Path("runs/crops"),
    runtime: Annotated[str | None, typer.Option(help="Default: DEEPDECT_RUNTIME, or auto.")] = None,
    seed: Annotated[int, typer.Option(help="Of every choice.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Write every value to this JSON file.")] = None,
) -> None:
    """Measure the explanations of the shipped weights on Test."""
    check_output("--output", output)
    bench = Bench(data, cache, chosen_runtime(runtime), seed)
    print(f"Test, weights {bench.detector.model['sha256'][:16]}, {bench.detector.runtime.name}")
    if bench.no_floor:
        print(f"Nothing can be verified: {bench.no_floor}.")
    kept: dict[str, Any] = {"model": bench.detector.model, "runtime": bench.detector.runtime.name, "seed": seed}
    kept["faces"] = faces_as_they_are(bench, faces, steps)
    made = forge(bench, max(forgeries, swaps))
    kept["forgeries"] = known_places(bench, {kind: forged[:forgeries] for kind, forged in made.items()})
    kept["swaps called deepfake"] = swaps_named(
        bench, made[SWAPS][:swaps], bench.calibration.high if called is None else called
    )
    kept["confident fakes"] = confident_fakes(bench, confident)
    kept["random networks"] = random_networks(bench, random_faces, draws, seed)
    if output:
        output.write_text(json.dumps(kept, indent=1) + "\n")


def _blobs_first(one: Made) -> str:
    """The region with most of the centred blob."""
    found = regions.attribute(baselines.centred_gaussian(one.case), regions.partition(one.landmarks))
    return max(found, key=lambda region: region.evidence).name


def _pointed(forged: Sequence[Made], maps: Mapping[str, Callable[[Case], NDArray[np.float32]]]) -> Values:
    return on_forgeries([one.case for one in forged], [one.mask for one in forged], [one.face for one in forged], maps)


def _above(bench: Bench, forged: Sequence[Made], probability: float) -> list[Made]:
    """Those with at least that fake probability."""
    least = float(np.log(probability / (1 - probability)))
    logits = bench.logits([one.case for one in forged])
    return [one for one, logit in zip(forged, logits.tolist(), strict=True) if logit >= least]


def _confident(bench: Bench, candidates: NDArray[np.int64], most: int) -> list[tuple[int, Case, float]]:
    """The first `most` candidates that the model is sure are fake: position, case and calibrated logit."""
    least, found = float(np.log(CONFIDENT / (1 - CONFIDENT))), list[tuple[int, Case, float]]()
    for start in range(0, len(candidates), BATCH):
        batch = candidates[start : start + BATCH]
        some = bench.cases(bench.crops.pixels[batch], np.ones(len(batch), int))
        triples = zip(batch.tolist(), some, bench.logits(some).tolist(), strict=True)
        found += [triple for triple in triples if triple[2] >= least]
        if len(found) >= most:
            break
    return found[:most]


if __name__ == "__main__":
    command(main)
