"""Where training happens: on this processor alone, or wherever Lightning Fabric takes it.

One CPU, one GPU, several GPUs and several machines (under ``torchrun``) are a setting and not other code. Fabric does
all of them, but it loads torch's compiler (3 s), so the commonest case, one process that computes on the CPU in 32-bit
floats, does without.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from sdg_lab.checks import one_of


class Processor:
    """One process on the CPU. Fabric has the same methods, and does elsewhere what they mean there."""

    world_size, global_rank, is_global_zero = 1, 0, True

    def to_device(self, what: Any) -> Any:
        """Move a module or a tensor to the CPU."""
        return what.to("cpu")

    def setup(self, module: nn.Module, optimizer: Any) -> tuple[nn.Module, Any]:
        """Return both as they are."""
        return module, optimizer

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradient to the parameters'."""
        loss.backward()  # type: ignore[no-untyped-call]

    def clip_gradients(self, module: nn.Module, _: object, *, max_norm: float, error_if_nonfinite: bool) -> Tensor:
        """Shorten the gradient of a module to this norm, if it is longer."""
        return nn.utils.clip_grad_norm_(module.parameters(), max_norm, error_if_nonfinite=error_if_nonfinite)

    def all_reduce(self, value: Any, *, reduce_op: str) -> Any:
        """Return the value: there are no others."""
        return value


def launch(device: str = "auto", precision: Any = "32-true") -> Processor:
    """Return the processor, or Fabric in its place; joins the processes of ``torchrun`` where there are any.

    Args:
        device: "auto" for the fastest that is there, "cpu", "cuda" or "mps".
        precision: Fabric's, e.g. "32-true" or "bf16-mixed".
    """
    one_of("device", device, ("auto", "cpu", "cuda", "mps"))
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    nodes = int(os.environ.get("WORLD_SIZE", "1")) // local
    alone = local * nodes == 1
    if alone and str(precision) in ("32-true", "32") and (device == "cpu" or (device == "auto" and not _has_gpu())):
        return Processor()
    from lightning_fabric import Fabric

    strategy = "auto" if alone else "ddp"
    fabric = Fabric(accelerator=device, devices=local, num_nodes=nodes, strategy=strategy, precision=precision)
    fabric.launch()
    return cast(Processor, fabric)


def device_of(module: nn.Module) -> torch.device:
    """Return where a module's weights are; the CPU while it has none."""
    return next((tensor.device for tensor in (*module.parameters(), *module.buffers())), torch.device("cpu"))


def way_back(model: nn.Module) -> Callable[[], None]:
    """Return what brings a model back to its device, and each of its tensors to its dtype, wherever it has been."""
    device, kinds = device_of(model), {name: tensor.dtype for name, tensor in _tensors(model)}

    def back() -> None:
        model.to(device)
        for name, tensor in _tensors(model):
            if tensor.dtype != kinds[name]:  # a precision such as "64-true" has turned them all
                owner, _, key = name.rpartition(".")
                if isinstance(tensor, nn.Parameter):
                    tensor.data = tensor.data.to(kinds[name])
                else:
                    setattr(model.get_submodule(owner), key, tensor.to(kinds[name]))

    return back


def _tensors(model: nn.Module) -> list[tuple[str, Tensor]]:
    return [*model.named_parameters(), *model.named_buffers()]


def _has_gpu() -> bool:
    return torch.cuda.is_available() or torch.backends.mps.is_available()
