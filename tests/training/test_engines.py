"""The two training engines on a network small enough to train in a second."""

from __future__ import annotations

import importlib.util
import os

import numpy as np
import pytest

SMALL = {"head_units": 8, "width": 1 / 16, "blocks": (1, 1, 1, 1)}
LEAST = (0, 0, 0, 1)  # blocks of a network of three parts, where nothing is asked of single stages
ENGINES = [
    "keras",
    pytest.param(
        "torch", marks=pytest.mark.skipif(not importlib.util.find_spec("torch"), reason="PyTorch is not installed")
    ),
]


def make(name: str, **options):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if name == "keras":
        pytest.importorskip("keras", reason="Keras is not installed")
        from training.keras_engine import KerasEngine

        return KerasEngine(**SMALL | options)
    from training.torch_engine import TorchEngine

    return TorchEngine(**SMALL | options, compiled=False)


def coloured_batch(count: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Red pictures are fake, blue ones real: anything that learns at all learns this."""
    random = np.random.default_rng(0)
    labels = (np.arange(count) % 2).astype(np.float32)
    pixels = random.integers(0, 60, (count, 64, 64, 3), dtype=np.uint8)
    pixels[labels == 1, ..., 0] += 150
    pixels[labels == 0, ..., 2] += 150
    return pixels, labels


@pytest.mark.parametrize("name", ENGINES)
def test_learns_a_colour(name):
    engine = make(name, average=0.5, blocks=LEAST)
    pixels, labels = coloured_batch()
    losses = [engine.step(pixels, labels, 3e-3) for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.8 * losses[0]  # dropout of half of eight units keeps it from falling further
    logits = engine.logits(pixels)
    assert logits.shape == (16,)
    assert logits[labels == 1].min() > logits[labels == 0].max()


@pytest.mark.parametrize("name", ENGINES)
def test_a_seed_fixes_the_run(name):
    pixels, labels = coloured_batch()

    def losses(seed: int) -> list[float]:
        engine = make(name, seed=seed)
        return [engine.step(pixels, labels, 1e-3) for _ in range(2)]

    assert losses(1) == losses(1) != losses(2)


@pytest.mark.parametrize("name", ENGINES)
def test_frozen_stages_stay_and_the_rest_moves(name):
    engine = make(name, frozen=("conv1", "conv2"))
    pixels, labels = coloured_batch()
    before = engine.averaged_weights()
    for _ in range(8):
        engine.step(pixels, labels, 1e-2)
    after = engine.averaged_weights()
    for key, value in before.items():
        if key.startswith(("conv1", "conv2")):
            np.testing.assert_array_equal(value, after[key], err_msg=key)
    assert np.abs(before["conv5_block1_3_conv/kernel"] - after["conv5_block1_3_conv/kernel"]).max() > 0


@pytest.mark.parametrize("name", ENGINES)
def test_a_rate_factor_scales_the_first_step(name):
    """AdamW's first step is rate x sign(gradient) (no decay here), so a factor of .1 must give a tenth of it."""
    engine = make(name, rates={"conv3": 0.1}, weight_decay=0.0, average=0.0)
    before = engine.state()
    engine.step(*coloured_batch(), 1e-3)
    after = engine.state()
    step = {
        key: np.abs(after[key] - before[key]).max()
        for key in before
        if key.startswith("weights/") and key.endswith("kernel")
    }
    assert step["weights/conv3_block1_1_conv/kernel"] == pytest.approx(1e-4, rel=0.05)
    assert step["weights/conv4_block1_1_conv/kernel"] == pytest.approx(1e-3, rel=0.05)


@pytest.mark.parametrize("name", ENGINES)
def test_resume_continues_exactly(name):
    pixels, labels = coloured_batch()
    straight = make(name, blocks=LEAST)
    for _ in range(3):
        straight.step(pixels, labels, 1e-3)
    state = {key: np.array(value) for key, value in straight.state().items()}
    expected = [straight.step(pixels, labels, 1e-3) for _ in range(3)]
    resumed = make(name, blocks=LEAST)
    resumed.load_state(state)
    assert [resumed.step(pixels, labels, 1e-3) for _ in range(3)] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ENGINES)
def test_weights_of_another_shape_are_refused(name):
    engine = make(name)
    weights = engine.averaged_weights()
    with pytest.raises(ValueError, match=r"shape"):
        engine.load(weights | {"conv1_bn/moving_mean": weights["conv1_bn/moving_mean"][:1]})


def test_bfloat16_steps_learn_while_weights_and_logits_stay_in_single_precision():
    torch_engine = pytest.importorskip("training.torch_engine", reason="PyTorch is not installed")
    if not torch_engine.has_bfloat16():
        pytest.skip("this processor has no bfloat16 instructions")
    single, mixed = make("torch"), make("torch", mixed=True)
    mixed.load(single.averaged_weights())
    pixels, labels = coloured_batch()
    np.testing.assert_array_equal(mixed.logits(pixels), single.logits(pixels))
    losses = [mixed.step(pixels, labels, 3e-3) for _ in range(30)]
    assert np.mean(losses[-5:]) < losses[0]
    assert {value.dtype for value in mixed.averaged_weights().values()} == {np.dtype(np.float32)}


def test_bfloat16_is_refused_where_it_would_be_slow(monkeypatch):
    torch_engine = pytest.importorskip("training.torch_engine", reason="PyTorch is not installed")
    monkeypatch.setattr(torch_engine.torch.cpu, "get_capabilities", lambda: {"avx2": True})
    with pytest.raises(RuntimeError, match="no bfloat16 instructions.*--engine torch"):
        make("torch", mixed=True)


def test_engines_agree_on_the_logits():
    """One set of weights, the same pictures: Keras and PyTorch must give the same answer."""
    pytest.importorskip("torch", reason="PyTorch is not installed")
    ours, theirs = make("keras"), make("torch")
    pixels, labels = coloured_batch()
    ours.step(pixels, labels, 1e-3)  # so that batch norm's statistics are not their initial values
    weights = ours.averaged_weights()
    assert theirs.load(weights) == []
    np.testing.assert_allclose(theirs.logits(pixels), ours.logits(pixels), rtol=1e-3, atol=1e-4)


def test_the_map_that_attention_teaches_is_the_map_that_is_shown():
    """The engine's differentiable evidence against `explain.gradcam` with the head of the same weights."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from deepdect.head import Head
    from explain import gradcam

    engine = make("torch")
    pixels, _ = coloured_batch(4)
    features = engine.network.eval().features(torch.as_tensor(pixels).permute(0, 3, 1, 2).float())
    received = engine.network.evidence(features).detach().numpy()
    head = Head.from_weights(engine.averaged_weights())
    shown = features.detach().permute(0, 2, 3, 1).numpy()
    logits, gradient, bias = head.linearize(shown)
    np.testing.assert_allclose(received, gradcam.evidence(shown, gradient), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(received.sum(axis=(1, 2)) + bias, logits, rtol=1e-3, atol=1e-4)


def test_attention_loss_by_hand():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from training.torch_engine import SHARPNESS, attention_loss

    # the first map: twice as likely to look at the forged cell as at each other one; the second: nothing is known
    evidence = torch.tensor([[[np.log(2) / SHARPNESS, 0], [0, 0]], [[5.0, 0], [0, 0]]])
    places = torch.tensor([[[1.0, 0], [0, 0]], [[0.0, 0], [0, 0]]])
    assert float(attention_loss(evidence, places)) == pytest.approx(-np.log(2 / 5), abs=1e-4)
    assert float(attention_loss(evidence[1:], places[1:])) == 0


def test_attention_moves_the_evidence_to_the_forgery():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import torch

    from training.torch_engine import attention_loss

    torch.manual_seed(0)
    engine = make("torch", attention=1.0, average=0.0)
    pixels, labels = coloured_batch()
    places = np.zeros((16, 2, 2), np.float32)
    places[labels == 1, 0, 0] = 1

    def away() -> float:
        features = engine.network.eval().features(torch.as_tensor(pixels).permute(0, 3, 1, 2).float())
        return float(attention_loss(engine.network.evidence(features), torch.as_tensor(places)).detach())

    before = away()
    for _ in range(30):
        engine.step(pixels, labels, 3e-3, places)
    assert away() < before / 2


def test_a_sharpness_aware_step_uses_the_gradient_uphill_and_leaves_the_weights_where_they_were():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import torch

    pixels, labels = coloured_batch()
    learners = [make("torch", sam=sam, average=0.0, weight_decay=0.0) for sam in (0.0, 0.5)]
    learners[1].load(learners[0].averaged_weights())
    gradients = []
    for learner in learners:
        torch.manual_seed(1)
        before = [weight.detach().clone() for weight in learner.network.parameters()]
        learner.step(pixels, labels, 0.0)
        for weight, was in zip(learner.network.parameters(), before, strict=True):
            torch.testing.assert_close(weight.detach(), was, rtol=1e-5, atol=1e-6)  # at rate 0 nothing else moves
        gradients.append(torch.cat([weight.grad.flatten() for weight in learner.network.parameters()]))
    assert not torch.allclose(*gradients)
    # batch norm has seen the batch once, not the weights uphill as well
    for (name, plain), aware in zip(learners[0].network.named_buffers(), learners[1].network.buffers(), strict=True):
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(plain, aware)


def test_a_sharpness_aware_step_drops_the_same_units_twice(monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import torch

    dropped = []
    dropout = torch.nn.functional.dropout

    def spied(x, *settings):
        out = dropout(x, *settings)
        dropped.append(((out == 0) & (x != 0)).detach())
        return out

    monkeypatch.setattr("torch.nn.functional.dropout", spied)
    learner = make("torch", sam=1e-6)
    for _ in range(2):
        learner.step(*coloured_batch(), 0.0)
    assert torch.equal(dropped[0], dropped[1]) and torch.equal(dropped[2], dropped[3])
    assert not torch.equal(dropped[0], dropped[2])


def test_climbing_goes_the_given_length_along_the_gradient():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import torch

    learner = make("torch", sam=0.5)
    pixels, labels = coloured_batch()
    learner._loss(learner._input(pixels), torch.as_tensor(labels), None).backward()
    weights, steps = learner._climb()
    assert float(torch.cat([step.flatten() for step in steps]).norm()) == pytest.approx(0.5, rel=1e-4)
    along = torch.cat([weight.grad.flatten() for weight in weights])
    assert float(torch.nn.functional.cosine_similarity(along, torch.cat([s.flatten() for s in steps]), 0)) > 0.999


def test_stochastic_depth_leaves_out_the_last_blocks_part_in_training_alone():
    pytest.importorskip("torch", reason="PyTorch is not installed")
    import torch

    from training.torch_network import ResNet

    network = ResNet(head_units=8, width=1 / 16, blocks=(1, 2, 1, 1), drop_path=1 - 1e-6)
    assert [block.drop for block in network.blocks] == pytest.approx([(1 - 1e-6) * n / 5 for n in range(1, 6)])
    pixels = torch.rand(4, 3, 64, 64) * 255
    inside = {}
    last = network.blocks[-1]
    last.register_forward_pre_hook(lambda module, args: inside.update(before=args[0].clone()))
    network.train()
    for norm in (last.bn0, last.bn1, last.bn2, last.bn3):
        norm.eval()
    after = network.features(pixels)
    shortcut = torch.relu(last.bn0(last.conv0(inside["before"])))
    torch.testing.assert_close(after, shortcut)
    network.eval()
    after = network.features(pixels)
    assert not torch.allclose(after, torch.relu(last.bn0(last.conv0(inside["before"]))))
