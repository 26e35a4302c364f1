"""The training step in PyTorch: compiled, or in bfloat16 on processors with instructions for it (AVX-512 BF16, AMX) and
on GPUs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from deepdect.network import RESNET50, stage_of
from training.torch_network import MOMENTUM, ResNet, from_keras, to_keras, to_numpy

SHARPNESS = 10.0  # of `attention_loss`: a cell half a logit above the others draws the map's softmax to itself


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
    `ResNet`. device: `cpu` or `cuda`. seed: of weights that start random, of dropout and of drop_path.
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
        seed: int = 0,
    ) -> None:
        if mixed and device == "cpu" and not has_bfloat16():
            raise RuntimeError("this processor has no bfloat16 instructions (AVX-512 BF16 or AMX): use --engine torch")
        torch.manual_seed(seed)
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

    def load(self, given: Mapping[str, np.ndarray]) -> list[str]:
        """Set weights by Keras name; returns the names that were not given. Raises ValueError for another shape."""
        missing = []
        with torch.no_grad():
            for name, tensor in self.network.variables().items():
                if name not in given:
                    missing.append(name)
                    continue
                value = torch.from_numpy(np.array(from_keras(given[name]), np.float32))
                if value.shape != tensor.shape:  # `copy_` would broadcast it
                    raise ValueError(f"{name}: expected shape {list(tensor.shape)}, received {list(value.shape)}")
                tensor.copy_(value)
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
        current = {name: tensor.detach().clone() for name, tensor in self.network.variables().items()}
        self._assign(self._averaged or current)
        with torch.no_grad():
            parts = [to_numpy(self.network(self._input(pixels[i : i + batch]))) for i in range(0, len(pixels), batch)]
        self._assign(current)
        return np.concatenate(parts)

    def averaged_weights(self) -> dict[str, np.ndarray]:
        """The averaged weights by Keras name, float32."""
        source = self._averaged or self.network.variables()
        return {name: np.array(to_keras(to_numpy(tensor))) for name, tensor in source.items()}

    def state(self) -> dict[str, np.ndarray]:
        """Everything that a later run needs to go on exactly, as copies: weights, average, moments, random state."""
        state = {f"weights/{name}": to_numpy(t).copy() for name, t in self.network.variables().items()}
        state |= {f"average/{name}": to_numpy(t).copy() for name, t in (self._averaged or {}).items()}
        for index, moments in self._optimizer.state_dict()["state"].items():
            state |= {f"optimizer/{index}/{key}": to_numpy(value).copy() for key, value in moments.items()}
        if self._device == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state().numpy()
        return state | {"steps": np.array(self._steps), "random": torch.get_rng_state().numpy()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from `state()`."""
        with torch.no_grad():
            for name, tensor in self.network.variables().items():
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
        variables = self.network.variables()
        if self._averaged is None:
            self._averaged = {name: tensor.detach().clone() for name, tensor in variables.items()}
        keep = min(self._average, (1 + self._steps) / (20 + self._steps)) ** 4
        for name, tensor in variables.items():
            self._averaged[name].lerp_(tensor, 1 - keep)

    @torch.no_grad()
    def _assign(self, values: Mapping[str, torch.Tensor]) -> None:
        for name, tensor in self.network.variables().items():
            tensor.copy_(values[name])
