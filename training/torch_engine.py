"""The training step in PyTorch: compiled, or in bfloat16 on processors with instructions for it (AVX-512 BF16, AMX) and
on GPUs.

The module mirrors `deepdect.network.build` layer for layer and speaks its weight names, so weights go back and forth;
a test holds the two to the same logits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from deepdect.network import IMAGENET_MEANS_BGR, RESNET50, STAGE_SHAPES, stage_of

MOMENTUM = 0.03  # of batch norm's running statistics
_BN = {"eps": 1.001e-5, "momentum": MOMENTUM}
SHARPNESS = 10.0  # of `attention_loss`: a cell half a logit above the others draws the map's softmax to itself


class _Block(nn.Module):
    def __init__(self, name: str, channels: int, filters: int, stride: int, project: bool) -> None:
        super().__init__()
        self.prefix = name
        self.conv1, self.bn1 = nn.Conv2d(channels, filters, 1, stride), nn.BatchNorm2d(filters, **_BN)
        self.conv2, self.bn2 = nn.Conv2d(filters, filters, 3, 1, 1), nn.BatchNorm2d(filters, **_BN)
        self.conv3, self.bn3 = nn.Conv2d(filters, 4 * filters, 1), nn.BatchNorm2d(4 * filters, **_BN)
        self.project, self.drop = project, 0.0
        if project:
            self.conv0, self.bn0 = nn.Conv2d(channels, 4 * filters, 1, stride), nn.BatchNorm2d(4 * filters, **_BN)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.bn0(self.conv0(x)) if self.project else x
        # in place: on a CPU, fresh memory for every activation takes as long as the convolutions
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        x = functional.relu(self.bn2(self.conv2(x)), inplace=True)
        x = self.bn3(self.conv3(x))
        if self.training and self.drop:
            keep = torch.empty(len(x), 1, 1, 1, device=x.device).bernoulli_(1 - self.drop) / (1 - self.drop)
            x = x * keep.to(x.dtype)
        x += shortcut
        return functional.relu(x, inplace=True)


class ResNet(nn.Module):
    """RGB 0..255 [n, 3, size, size] -> raw logit [n].

    drop_path: share of the pictures for which training leaves out the last block's own part; falls to none towards the
    first (Huang et al., "Deep Networks with Stochastic Depth", 2016, arXiv 1603.09382, eq. 4).
    """

    def __init__(
        self, head_units: int = 1024, width: float = 1.0, blocks: tuple[int, ...] = RESNET50, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        channels = max(1, int(64 * width))
        self.register_buffer("means", torch.tensor(IMAGENET_MEANS_BGR).reshape(1, 3, 1, 1))
        self.stem, self.stem_bn = nn.Conv2d(3, channels, 7, 2, 3), nn.BatchNorm2d(channels, **_BN)
        self.blocks = nn.ModuleList()
        for stage, (depth, (filters, stride)) in enumerate(zip(blocks, STAGE_SHAPES, strict=True), start=2):
            filters = max(1, int(filters * width))
            for block in range(1, depth + 1):
                name, first = f"conv{stage}_block{block}", block == 1
                self.blocks.append(_Block(name, channels, filters, stride if first else 1, first))
                channels = 4 * filters
        for number, block in enumerate(self.blocks, start=1):
            block.drop = drop_path * number / len(self.blocks)
        self.dense, self.out = nn.Linear(channels, head_units), nn.Linear(head_units, 1)

    def forward(self, rgb: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(rgb))

    def features(self, rgb: torch.Tensor) -> torch.Tensor:
        """The last block's activations [n, channels, size / 32, size / 32]."""
        x = rgb.flip(1) - self.means
        x = functional.max_pool2d(functional.relu(self.stem_bn(self.stem(x)), inplace=True), 3, 2, 1)
        for block in self.blocks:
            x = block(x)
        return x

    def head(self, features: torch.Tensor) -> torch.Tensor:
        """Raw logits [n]."""
        x = functional.relu(self.dense(features.mean((2, 3))))
        return self.out(functional.dropout(x, 0.5, self.training))[:, 0]

    def evidence(self, features: torch.Tensor) -> torch.Tensor:
        """What each place adds to the raw logit, [n, h, w]: `explain.gradcam.evidence`, differentiable."""
        features = features.float()
        on = (self.dense(features.mean((2, 3))) > 0).float()
        gradient = (on * self.out.weight[0]) @ self.dense.weight
        return torch.einsum("nchw,nc->nhw", features, gradient) / features[0, 0].numel()

    def named_layers(self) -> dict[str, nn.Module]:
        """Keras layer name -> module."""
        layers: dict[str, nn.Module] = {"conv1_conv": self.stem, "conv1_bn": self.stem_bn}
        for block in self.blocks:
            for number in range(0 if block.project else 1, 4):
                layers[f"{block.prefix}_{number}_conv"] = getattr(block, f"conv{number}")
                layers[f"{block.prefix}_{number}_bn"] = getattr(block, f"bn{number}")
        return layers | {"head_dense": self.dense, "head_logit": self.out}


def _variables(name: str, layer: nn.Module) -> dict[str, torch.Tensor]:
    """Keras variable name -> tensor of one layer."""
    if isinstance(layer, nn.BatchNorm2d):
        return {
            f"{name}/gamma": layer.weight,
            f"{name}/beta": layer.bias,
            f"{name}/moving_mean": layer.running_mean,
            f"{name}/moving_variance": layer.running_var,
        }
    return {f"{name}/kernel": layer.weight, f"{name}/bias": layer.bias}


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def _to_keras(tensor: np.ndarray) -> np.ndarray:
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T if tensor.ndim == 2 else tensor


def _from_keras(array: np.ndarray) -> np.ndarray:
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T if array.ndim == 2 else array


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 numbers natively."""
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def attention_loss(evidence: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """How far a map is from pointing at the forgery: mean of -log of the share of its softmax that lies there.

    evidence: raw logits [n, h, w]. places: [n, h, w], how much of each cell is forged; pictures with less than half a
    cell of it count nothing (0 where there are no others). Relative within a picture: the loss says where the evidence
    should be, and nothing about how much of it there is.
    """
    known = places.sum((1, 2)) > 0.5
    shares = functional.softmax(SHARPNESS * evidence.flatten(1), dim=1)
    there = (shares * places.flatten(1)).sum(1)
    return -(torch.log(there + 1e-6) * known).sum() / known.sum().clamp(min=1)


class TorchEngine:
    """Holds network, optimizer and a running average of the weights (Polyak), and takes steps.

    frozen: stages kept as they are, with their batch-norm statistics. rates: learning rate factor by stage (default 1).
    mixed: convolutions of `step` in bfloat16 (weights, optimizer and `logits` stay float32); raises RuntimeError where
    the processor has no instructions for it, since it would be slower than float32 there. attention: weight of
    `attention_loss` beside the cross-entropy. sam: how far each step looks uphill before it goes down (Foret et al.,
    "Sharpness-Aware Minimization", 2021, arXiv 2010.01412, eq. 2; 0: not at all), at twice the time. drop_path: of
    `ResNet`. device: `cpu` or `cuda`.
    """

    def __init__(
        self,
        frozen: tuple[str, ...] = (),
        rates: Mapping[str, float] | None = None,
        weight_decay: float = 0.05,
        average: float = 0.998,
        compiled: bool = True,
        mixed: bool = False,
        attention: float = 0.0,
        sam: float = 0.0,
        drop_path: float = 0.0,
        device: str = "cpu",
        head_units: int = 1024,
        width: float = 1.0,
        blocks: tuple[int, ...] = RESNET50,
    ) -> None:
        if mixed and device == "cpu" and not has_bfloat16():
            raise RuntimeError("this processor has no bfloat16 instructions (AVX-512 BF16 or AMX): use --engine torch")
        torch.backends.cudnn.benchmark = True  # pictures of one phase are of one size
        torch.set_flush_denormal(True)  # optimizer moments near zero are slow otherwise
        self._mixed, self._attention, self._sam, self._device = mixed, attention, sam, device
        self.network = ResNet(head_units, width, blocks, drop_path).to(device, memory_format=torch.channels_last)
        self._frozen, self._average = frozen, average
        groups: dict[float, list[nn.Parameter]] = {}
        for name, layer in self.network.named_layers().items():
            stage = stage_of(name)
            if stage in frozen:
                layer.requires_grad_(False)
            else:
                groups.setdefault((rates or {}).get(stage, 1.0), []).extend(layer.parameters())
        self._optimizer = torch.optim.AdamW(
            [{"params": parameters, "factor": factor} for factor, parameters in groups.items()],
            weight_decay=weight_decay,
            fused=True,
        )
        self._features = torch.compile(self.network.features, dynamic=False) if compiled else self.network.features
        self._averaged: dict[str, torch.Tensor] | None = None
        self._steps = 0

    def variables(self) -> dict[str, torch.Tensor]:
        layers = self.network.named_layers().items()
        return {key: value for name, layer in layers for key, value in _variables(name, layer).items()}

    def load(self, given: Mapping[str, np.ndarray]) -> list[str]:
        """Set weights by Keras name; returns the names that were not given."""
        missing = []
        with torch.no_grad():
            for name, tensor in self.variables().items():
                if name in given:
                    tensor.copy_(torch.from_numpy(np.array(_from_keras(given[name]), np.float32)))
                else:
                    missing.append(name)
        self._averaged = None
        return missing

    def step(self, pixels: Any, labels: Any, rate: float, places: Any = None) -> float:
        """One AdamW step at learning rate `rate`; arrays or tensors as in `training.batches.Batch`.

        Returns the loss.
        """
        self._train_mode()
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        pixels, labels = self._input(pixels), torch.as_tensor(labels).to(self._device)
        places = None if places is None else torch.as_tensor(places).to(self._device)
        # both looks drop the same units: the second is to differ by the weights alone
        with torch.random.fork_rng(enabled=bool(self._sam)):
            loss = self._loss(pixels, labels, places)
        self._optimizer.zero_grad()
        loss.backward()
        if self._sam:
            uphill = self._climb()
            self._optimizer.zero_grad()
            with self._statistics_kept():
                self._loss(pixels, labels, places).backward()
            with torch.no_grad():
                torch._foreach_sub_(*uphill)
        nn.utils.clip_grad_norm_(self._learning(), 2.0)
        self._optimizer.step()
        self._steps += 1
        if self._steps % 4 == 0:  # every step would cost 5 % and change nothing
            self._update_average()
        return float(loss.detach())

    def _loss(self, pixels: torch.Tensor, labels: torch.Tensor, places: torch.Tensor | None) -> torch.Tensor:
        with torch.autocast(self._device, torch.bfloat16, enabled=self._mixed):
            features = self._features(pixels)
            logits = self.network.head(features)
        loss = functional.binary_cross_entropy_with_logits(logits.float(), labels)
        if self._attention and places is not None:
            loss = loss + self._attention * attention_loss(self.network.evidence(features), places)
        return loss

    @contextmanager
    def _statistics_kept(self) -> Iterator[None]:
        """Batch norm's running statistics stay as they are: those of weights that are only looked at are no good."""
        norms = [layer for layer in self.network.modules() if isinstance(layer, nn.BatchNorm2d)]
        for layer in norms:
            layer.momentum = 0.0
        try:
            yield
        finally:
            for layer in norms:
                layer.momentum = MOMENTUM

    def _learning(self) -> list[nn.Parameter]:
        """The parameters that have a gradient."""
        return [parameter for parameter in self.network.parameters() if parameter.grad is not None]

    @torch.no_grad()
    def _climb(self) -> tuple[list[nn.Parameter], list[torch.Tensor]]:
        """Move all weights `sam` up the gradient; returns them and what was added to each."""
        weights = self._learning()
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        steps = list(torch._foreach_mul(gradients, self._sam / (length + 1e-12)))
        torch._foreach_add_(weights, steps)
        return weights, steps

    def logits(self, pixels: np.ndarray, batch: int = 32) -> np.ndarray:
        """Raw logits [n] of uint8 crops with the averaged weights."""
        self.network.eval()
        current = {name: tensor.detach().clone() for name, tensor in self.variables().items()}
        self._assign(self._averaged or current)
        with torch.no_grad():
            parts = [_numpy(self.network(self._input(pixels[i : i + batch]))) for i in range(0, len(pixels), batch)]
        self._assign(current)
        return np.concatenate(parts)

    def averaged_weights(self) -> dict[str, np.ndarray]:
        """The averaged weights by Keras name, float32."""
        source = self._averaged or self.variables()
        return {name: np.array(_to_keras(_numpy(tensor))) for name, tensor in source.items()}

    def state(self) -> dict[str, np.ndarray]:
        """Everything that a later run needs to go on exactly, as copies: weights, average, moments, random state."""
        state = {f"weights/{name}": _numpy(t).copy() for name, t in self.variables().items()}
        state |= {f"average/{name}": _numpy(t).copy() for name, t in (self._averaged or {}).items()}
        for index, moments in self._optimizer.state_dict()["state"].items():
            state |= {f"optimizer/{index}/{key}": _numpy(value).copy() for key, value in moments.items()}
        if self._device == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state().numpy()
        return state | {"steps": np.array(self._steps), "random": torch.get_rng_state().numpy()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state()`."""
        with torch.no_grad():
            for name, tensor in self.variables().items():
                tensor.copy_(torch.from_numpy(state[f"weights/{name}"]))
        averaged = {
            k.removeprefix("average/"): torch.from_numpy(v.copy()).to(self._device)
            for k, v in state.items()
            if k.startswith("average/")
        }
        self._averaged = averaged or None
        moments: dict[int, dict[str, torch.Tensor]] = {}
        learnt = [parameter for group in self._optimizer.param_groups for parameter in group["params"]]
        for key, value in state.items():
            if key.startswith("optimizer/"):
                _, index, name = key.split("/")
                moment = torch.from_numpy(np.array(value))
                if moment.ndim:  # the fused step reads memory as it lies: it must lie as the weights do
                    moment = torch.empty_like(learnt[int(index)]).copy_(moment)
                moments.setdefault(int(index), {})[name] = moment
        self._optimizer.load_state_dict(
            {"state": moments, "param_groups": self._optimizer.state_dict()["param_groups"]}
        )
        self._steps = int(state["steps"])
        torch.set_rng_state(torch.from_numpy(state["random"].copy()))
        if self._device == "cuda" and "random_cuda" in state:  # not in the checkpoint of a run begun on a CPU
            torch.cuda.set_rng_state(torch.from_numpy(state["random_cuda"].copy()))

    def _train_mode(self) -> None:
        self.network.train()
        for name, layer in self.network.named_layers().items():
            if stage_of(name) in self._frozen:
                layer.eval()  # frozen batch norm keeps its statistics too

    def _input(self, pixels: Any) -> torch.Tensor:
        # channels last is how the pictures lie already
        return torch.as_tensor(pixels).to(self._device).permute(0, 3, 1, 2).float()

    @torch.no_grad()
    def _update_average(self) -> None:
        variables = self.variables()
        if self._averaged is None:
            self._averaged = {name: tensor.detach().clone() for name, tensor in variables.items()}
        keep = min(self._average, (1 + self._steps) / (20 + self._steps)) ** 4
        for name, tensor in variables.items():
            self._averaged[name].lerp_(tensor, 1 - keep)

    @torch.no_grad()
    def _assign(self, values: Mapping[str, torch.Tensor]) -> None:
        for name, tensor in self.variables().items():
            tensor.copy_(values[name])
