from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from deepdect import faces, openvino_core, runtime, weights
from deepdect.blazeface import bundled_model


@pytest.fixture(scope="module")
def face_crops(astronaut) -> np.ndarray:
    """Crops of a real face, upright, mirrored and darkened: uint8 [3, 256, 256, 3]."""
    pictures = [astronaut, np.ascontiguousarray(astronaut[:, ::-1]), astronaut // 2]
    return np.stack([faces.crop(picture, faces.find(picture)[0]).pixels for picture in pictures])


def test_openvino_f32_agrees_with_tensorflow(face_crops):
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    model = weights.load()
    logits = {}
    for name in ("openvino-f32", "tensorflow"):
        engine = runtime.open_runtime(name, model.file, model.sha256)
        features = engine.run(face_crops)
        assert engine.name == name
        assert features.shape == (3, 8, 8, 2048) and features.dtype == np.float32
        assert features.min() >= 0  # after the last ReLU
        logits[name] = model.head.logit(features)
    assert np.abs(logits["openvino-f32"] - logits["tensorflow"]).max() < 1e-2


def test_batches_larger_than_one_pass_keep_their_order(detector, face_crops):
    many = np.concatenate([face_crops] * 7)  # 21 crops, more than MAX_BATCH
    np.testing.assert_allclose(detector.runtime.run(many)[18:], detector.runtime.run(face_crops), rtol=1e-3, atol=1e-3)


def test_no_crops_give_no_features(detector):
    assert detector.runtime.run(np.empty((0, 256, 256, 3), np.uint8)).shape == (0, 8, 8, 2048)


@pytest.mark.parametrize("wrong", [np.zeros((1, 256, 256, 3), np.float32), np.zeros((256, 256, 3), np.uint8)])
def test_wrong_crops_are_refused(detector, wrong):
    with pytest.raises(ValueError, match=r"received .*256, 3\]"):
        detector.runtime.run(wrong)


def test_unknown_and_unavailable_runtimes_say_so(tmp_path):
    with pytest.raises(ValueError, match="received 'gpu'"):
        runtime.open_runtime("gpu", weights.FOLDER, "0")
    with pytest.raises(runtime.RuntimeUnavailableError, match="no int8 backbone"):
        runtime.open_runtime("openvino-int8", tmp_path / weights.WEIGHTS_FILE, "0")


def test_the_shipped_int8_backbone_answers_much_like_the_float_one(face_crops):
    model = weights.load()
    engines = [runtime.open_runtime(name, model.file, model.sha256) for name in ("openvino-int8", "openvino-f32")]
    assert [engine.name for engine in engines] == ["openvino-int8", "openvino-f32"]
    int8, f32 = (model.calibration.logit(model.head.logit(engine.run(face_crops))) for engine in engines)
    assert np.abs(int8 - f32).max() < 0.5
    assert not np.array_equal(int8, f32)


@pytest.mark.parametrize(
    "machine, capabilities, amx, shipped, expected",
    [
        ("x86_64", ["FP32", "INT8"], False, True, "openvino-int8"),
        ("x86_64", ["FP32", "INT8", "BF16"], False, True, "openvino-int8"),
        ("x86_64", ["FP32", "INT8", "BF16"], True, True, "openvino-bf16"),
        ("x86_64", ["FP32", "INT8"], False, False, "openvino-f32"),
        ("x86_64", ["FP32", "INT8", "BF16"], False, False, "openvino-bf16"),
        ("x86_64", ["FP32"], False, True, "openvino-f32"),
        ("arm64", ["FP32", "INT8"], False, True, "openvino-f32"),
    ],
)
def test_auto_takes_what_the_cpu_does_best(monkeypatch, tmp_path, machine, capabilities, amx, shipped, expected):
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return capabilities

    monkeypatch.setattr(runtime.openvino_core, "core", Core)
    monkeypatch.setattr(runtime.openvino_core, "has_amx", lambda: amx)
    monkeypatch.setattr(runtime.openvino_core, "compile_model", lambda graph, precision, threads: None)
    monkeypatch.setattr(runtime.platform, "machine", lambda: machine)
    monkeypatch.setattr(runtime.shipped, "int8_graph", lambda folder, sha256: tmp_path if shipped else None)
    monkeypatch.setattr(runtime, "graph_file", lambda weights, sha256: tmp_path)
    assert runtime.open_runtime("auto", weights.FOLDER / weights.WEIGHTS_FILE, "0").name == expected


def test_a_graph_that_cannot_be_built_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDECT_CACHE", str(tmp_path))
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"not an archive")
    with pytest.raises(runtime.RuntimeUnavailableError, match="could not be built"):
        runtime.graph_file(broken, "0" * 64)
    assert not list(tmp_path.glob("*.xml"))


def test_a_cache_that_cannot_hold_the_graph_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDECT_CACHE", str(tmp_path))
    monkeypatch.setattr(runtime.os, "getpid", lambda: 7)
    file = weights.FOLDER / weights.WEIGHTS_FILE
    # as for a full disk or a folder without permission, OpenVINO raises a RuntimeError
    in_the_way = tmp_path / f"backbone-{runtime.GRAPH_VERSION}-{'0' * 16}.7.bin"
    in_the_way.mkdir()
    with pytest.raises(runtime.RuntimeUnavailableError, match=f"could not be built .* in {tmp_path}: .*bin file"):
        runtime.graph_file(file, "0" * 64)
    assert list(tmp_path.iterdir()) == [in_the_way]  # nothing half-written is left


@pytest.mark.parametrize(("broken", "size"), [(".xml", 0), (".bin", 1000)])
def test_a_damaged_cached_graph_is_built_anew(tmp_path, monkeypatch, broken, size):
    monkeypatch.setenv("DEEPDECT_CACHE", str(tmp_path))
    file = weights.FOLDER / weights.WEIGHTS_FILE
    damaged = runtime.graph_file(file, "0" * 64).with_suffix(broken)
    damaged.write_bytes(damaged.read_bytes()[:size])
    crops = np.zeros((1, 256, 256, 3), np.uint8)
    assert runtime.open_runtime("openvino-f32", file, "0" * 64).run(crops).shape == (1, 8, 8, 2048)


def test_a_graph_that_does_not_compile_even_anew_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("DEEPDECT_CACHE", str(tmp_path))
    built: list[None] = []

    def save(_, target):
        built.append(None)
        target.write_text("no graph")
        target.with_suffix(".bin").write_bytes(b"")

    monkeypatch.setattr(runtime, "save_graph", save)
    with pytest.raises(runtime.RuntimeUnavailableError, match="openvino-f32: .*xml cannot be compiled"):
        runtime.open_runtime("openvino-f32", weights.FOLDER / weights.WEIGHTS_FILE, "0" * 64)
    assert len(built) == 2


OFFLINE = """
import socket, sys
def refuse(*args, **kwargs):
    raise SystemExit(f"network used: {args}")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
import urllib.request
urllib.request.urlopen = refuse
from deepdect import openvino_core
openvino_core.core()
import openvino.tools.ovc, time
time.sleep(1)  # a telemetry event would leave from a thread
loaded = sys.modules.get("openvino_telemetry")
assert loaded is None, loaded
assert type(openvino.tools.ovc.telemetry).__module__.endswith("telemetry_stub"), openvino.tools.ovc.telemetry
print("silent")
"""


def test_openvino_telemetry_is_declined():
    """OpenVINO stays silent by itself where CI is set, so CI must not be set here."""
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    done = subprocess.run([sys.executable, "-c", OFFLINE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("silent")


def test_every_thread_has_a_request_of_its_own():
    requests = openvino_core.Requests(openvino_core.compile_model(bundled_model("face_landmark.tflite")))
    mine = requests.get()
    with ThreadPoolExecutor(max_workers=1) as other:
        assert other.submit(requests.get).result() is not mine
    assert requests.get() is mine


def test_thread_limit(monkeypatch):
    monkeypatch.setenv("DEEPDECT_THREADS", "3")
    assert openvino_core.usable_cpus() == 3
    monkeypatch.setenv("DEEPDECT_THREADS", "many")
    assert 1 <= openvino_core.usable_cpus() <= (os.cpu_count() or 1)


PINNED = """
import os
import numpy as np
from deepdect import mesh
allowed = os.sched_getaffinity(0)
mesh.face_mesh().fit(np.zeros((64, 64, 3), np.uint8), np.array([32.0, 32.0]), 64.0, 0.0)
print(all(os.sched_getaffinity(int(task)) == allowed for task in os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity") or not os.path.isdir("/proc/self/task"), reason="not Linux")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_no_thread_is_tied_to_a_core(threads):
    """Tied ones of two processes share the first core, and the others idle."""
    environment = os.environ | {"DEEPDECT_THREADS": threads}
    done = subprocess.run([sys.executable, "-c", PINNED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
