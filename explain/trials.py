"""The trials that maps are put to, on faces, on forgeries of known place and on networks that know nothing.

Each takes faces as `explain.baselines.Case`s and returns one value a face, so that a bootstrap can follow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deepdect import network
from deepdect.head import Head
from explain import baselines
from explain.baselines import BATCH, CHANNELS, Case, Explainer, Gradients
from explain.faithfulness_metrics import STEPS, deletion_insertion, energy_in_mask, points_into, rank_correlation
from explain.fills import blur
from explain.occlusion import FEATHER, Score, UInt8Array
from explain.progress import follow
from explain.randomization import cascade

Float32Array = NDArray[np.float32]
Values = dict[str, dict[str, list[float]]]  # row of a table -> figure -> one value a face
Features = Callable[[UInt8Array], Float32Array]

OURS = "Deep Dect"


def explainers(score: Score, gradients: Gradients, seed: int = 0) -> dict[str, Explainer]:
    """All maps by name, ours first."""
    random = np.random.default_rng(seed)
    return {
        OURS: baselines.ours,
        "Grad-CAM++": baselines.grad_cam_plus_plus,
        f"Score-CAM ({CHANNELS} channels)": lambda case: baselines.score_cam(case, score),
        "sliding occlusion": lambda case: baselines.sliding_occlusion(case, score),
        "Integrated Gradients": lambda case: baselines.integrated_gradients(case, gradients),
        "noise": lambda case: baselines.random_map(case, random),
        "centred blob": baselines.centred_gaussian,
    }


def cases(crops: UInt8Array, features: Features, head: Head, signs: ArrayLike | None = None) -> list[Case]:
    """Crops uint8 [n, s, s, 3] with their features and gradients. signs: [n] of 1 and -1; default: of the raw logit."""
    found: list[Case] = []
    for start in range(0, len(crops), BATCH):
        batch = np.asarray(crops[start : start + BATCH])
        maps = features(batch)
        linear = head.linearize(maps)
        chosen = np.where(linear.logit > 0, 1, -1) if signs is None else np.asarray(signs)[start : start + BATCH]
        found += [Case(*parts) for parts in zip(batch, maps, linear.gradient, chosen.tolist(), strict=True)]
    return found


def on_faces(
    plain: Sequence[Case],
    compressed: Sequence[Case],
    score: Score,
    maps: Mapping[str, Explainer],
    steps: int = STEPS,
    feather: float = FEATHER,
) -> Values:
    """Deletion, insertion and stability of every map on every face, for the class that the face was given.

    compressed: the same faces after JPEG, in the same order and with the same signs.
    """
    values: Values = {name: defaultdict(list) for name in maps}
    pairs = list(zip(plain, compressed, strict=True))
    for case, other in follow(pairs, "maps of faces"):
        reference = blur(case.crop)
        ends = np.asarray(score(np.stack([case.crop, np.rint(reference).astype(np.uint8)])), float)
        for name, explain in maps.items():
            cells = explain(case)
            deletion, insertion = deletion_insertion(
                cells, case.crop, reference, case.sign, (ends[0], ends[1]), score, steps, feather
            )
            values[name]["deletion"].append(deletion)
            values[name]["insertion"].append(insertion)
            values[name]["stability"].append(rank_correlation(cells, explain(other)))
    return values


def on_forgeries(
    forged: Sequence[Case], masks: Sequence[ArrayLike], faces: Sequence[ArrayLike], maps: Mapping[str, Explainer]
) -> Values:
    """Pointing game and energy of every map on faces of which is known what is forged.

    masks: each [s, s] in 0..1, where a map should point. faces: each [s, s], true on the face.
    """
    values: Values = {name: defaultdict(list) for name in maps}
    triples = list(zip(forged, masks, faces, strict=True))
    for case, mask, face in follow(triples, "maps of forgeries"):
        for name, explain in maps.items():
            cells = explain(case)
            values[name]["pointing"].append(float(points_into(cells, mask)))
            values[name]["energy"].append(energy_in_mask(cells, mask, face))
    return values


def on_random_networks(model: Any, crops: UInt8Array, draws: int, seed: int = 0) -> dict[str, dict[str, list[float]]]:
    """|rank correlation| of the maps with those of the same network re-initialised from the top, stage by stage.

    Returns explainer -> stage (this one and all above it are new) -> one value a face and a draw. A single random head
    may agree or disagree with all faces at once, hence the absolute value and several draws.
    """
    maps = {OURS: baselines.ours, "Grad-CAM++": baselines.grad_cam_plus_plus}
    trained = network.weights(model)
    ones = np.ones(len(crops), int)

    def draw() -> list[dict[str, Float32Array]]:
        backbone = network.backbone(model)

        def features(batch: UInt8Array) -> Float32Array:
            return network.to_numpy(backbone(batch.astype(np.float32), training=False))

        found = cases(crops, features, Head.from_weights(network.weights(model)), ones)
        return [{name: explain(case) for name, explain in maps.items()} for case in found]

    before = draw()
    values: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in maps}
    random = np.random.default_rng(seed)
    for _ in follow(range(draws), "randomised networks"):
        for stage in cascade(model, crops, random):
            for one, other in zip(before, draw(), strict=True):
                for name in maps:
                    values[name][stage].append(abs(rank_correlation(one[name], other[name])))
        network.load_weights(model, trained)
    return values
