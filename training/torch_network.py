"""`deepdect.network` in PyTorch, layer for layer and under its weight names, so that weights go back and forth; a test
holds the two to the same logits."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from deepdect.network import BATCH_NORM_EPSILON, IMAGENET_MEANS_BGR, RESNET50, STAGE_SHAPES

MOMENTUM = 0.03  # of batch norm's running statistics
_BN = {"eps": BATCH_NORM_EPSILON, "momentum": MOMENTUM}


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

    def variables(self) -> dict[str, torch.Tensor]:
        """Keras variable name -> tensor, laid out as PyTorch has it (`to_keras`)."""
        layers = self.named_layers().items()
        return {key: value for name, layer in layers for key, value in _variables(name, layer).items()}


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


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    """Its values; they share its memory where that is the CPU's."""
    return tensor.detach().cpu().numpy()


def to_keras(tensor: np.ndarray) -> np.ndarray:
    """A kernel [out, in, h, w] or [out, in] as Keras has it, [h, w, in, out] or [in, out]; others as they are."""
    return tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor.T if tensor.ndim == 2 else tensor


def from_keras(array: np.ndarray) -> np.ndarray:
    """The inverse of `to_keras`."""
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T if array.ndim == 2 else array
