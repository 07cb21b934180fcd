"""Low-rank adaptation: a trained network learns something new through small matrices beside its own, which stay frozen.

Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models* (2021). Beside a matrix W of (rows, columns) stand A,
(rank, columns), drawn at random, and B, (rows, rank), which begins at zero, and a layer computes

    y = W x + (alpha / rank) B A x                                                             (equation 3)

so that an adapted network begins as the one that it was. Only A and B are trained: rank · (rows + columns) numbers in
place of rows · columns. Gradients and an optimiser's moments are kept for them alone, and that is what is saved, as the
products still go through all of W. Where G is the loss's gradient by the whole matrix, W + (alpha / rank) B A,

    dL/dB = (alpha / rank) G Aᵀ        dL/dA = (alpha / rank) Bᵀ G.

With rank = min(rows, columns) every matrix of this size is a product B A, and nothing is lost.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.checks import did_you_mean, number, several, whole
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.models.transformer.gpt import Transformer
from sdg_lab.training import checkpoint
from sdg_lab.training.randomness import seeded

RANK, ALPHA = 8, 16.0

KIND = "LoRA"
"""What a file of adapters says that it holds."""


class LoRALinear(nn.Module):
    """A linear layer with a low-rank update beside it.

    Args:
        base: a layer with a matrix ``weight``, (rows, columns), and perhaps a ``bias``.
        rank: of the update.
        alpha: the update is multiplied by alpha / rank, so that another rank needs no other learning rate.

    Attributes:
        A: (rank, columns), from N(0, 1 / columns): A x has the scale of x.
        B: (rows, rank), zero at first.
        thawed: what could be trained before :func:`add` froze it, and can be again when the adapters are gone.

    Raises:
        TypeError: if the base has no matrix, or is an embedding, which looks rows up in its own.
        ValueError: if the rank is below 1 or above what a matrix of this size can have, or alpha is not above 0.
    """

    def __init__(self, base: nn.Module, rank: int = RANK, alpha: float = ALPHA) -> None:
        super().__init__()
        if not _has_matrix(base) or isinstance(base, nn.Embedding):
            raise TypeError(f"base must be a layer with a matrix weight, (rows, columns), got {base!r}")
        weight = cast(Tensor, base.weight)
        rows, columns = weight.shape
        self.base = base
        self.rank = whole(f"the rank beside a matrix of {rows} by {columns}", rank, least=1, most=min(rows, columns))
        self.alpha = number("alpha", alpha, above=0)
        self.A = nn.Parameter(weight.new_empty(self.rank, columns))
        self.B = nn.Parameter(weight.new_empty(rows, self.rank))
        self.thawed: tuple[nn.Parameter, ...] = ()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw A anew, and set B to zero: the layer is its base again."""
        nn.init.normal_(self.A, std=1 / math.sqrt(self.A.shape[1]))
        nn.init.zeros_(self.B)

    def forward(self, x: Tensor) -> Tensor:
        """Return (W + alpha / rank · B A) x, and the bias, (..., columns) -> (..., rows)."""
        if torch.is_grad_enabled():  # a base may multiply a few rows by packed weights, through which no gradient flows
            product = F.linear(x, cast(Tensor, self.base.weight), _bias(self.base))
        else:
            product = cast(Tensor, self.base(x))
        return product + self.alpha / self.rank * F.linear(F.linear(x, self.A), self.B)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """Return one linear layer that computes the same, with a matrix of its own."""
        weight, bias = cast(Tensor, self.base.weight), _bias(self.base)
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
        update = self.alpha / self.rank * (self.B @ self.A)
        layer.weight = nn.Parameter(weight + update, requires_grad=weight.requires_grad)
        if bias is not None:
            layer.bias = nn.Parameter(bias.data, requires_grad=bias.requires_grad)
        return layer.train(self.training)


def add(
    network: Transformer,
    rank: int = RANK,
    *,
    alpha: float = ALPHA,
    targets: Collection[str] | None = None,
    seed: int = 0,
) -> list[str]:
    """Put adapters beside matrices of a network, in place, and freeze all its other weights; it computes as before.

    Args:
        network: trained.
        rank: of each update.
        alpha: see :class:`LoRALinear`.
        targets: which matrices: names as :func:`matrices` lists them, or their last parts, such as ``"qkv"``, for those
            of all blocks; by default all. Queries, keys and values are one matrix here, with one update.
        seed: of the matrices A.

    Returns:
        The names of the matrices that have an adapter now.

    Raises:
        TypeError: if it is a whole model, and not its network.
        ValueError: if the network has adapters already, a target is unknown, or a number is out of range.
    """
    _refuse_adapted(network)
    known = matrices(network)
    chosen = list(known) if targets is None else _chosen(targets, known)
    with seeded(seed):
        adapters = {name: LoRALinear(known[name], rank, alpha) for name in chosen}
    thawed = tuple(weight for weight in network.parameters() if weight.requires_grad)
    network.requires_grad_(False)
    for name, layer in adapters.items():
        layer.thawed = thawed
        network.set_submodule(name, layer.train(network.training))
    return chosen


def matrices(network: Transformer) -> dict[str, nn.Module]:
    """Return the linear layers inside the blocks by name, such as ``"blocks.0.attention.qkv"``; adapters apart.

    Raises:
        TypeError: if it is a whole model, and not its network.
    """
    _check_network(network)
    found = {f"blocks.{name}": module for name, module in network.blocks.named_modules()}
    return {name.removesuffix(".base"): module for name, module in found.items() if _has_matrix(module)}


def layers(network: nn.Module) -> dict[str, LoRALinear]:
    """Return the layers that have an adapter, by name; none where none were added.

    Raises:
        TypeError: if it is no torch module.
    """
    if not isinstance(network, nn.Module):
        raise TypeError(f"network must be a torch module, got {network!r}")
    return {name: module for name, module in network.named_modules() if isinstance(module, LoRALinear)}


def parameters(network: Transformer) -> list[nn.Parameter]:
    """Return what training changes: A and B of each adapter."""
    return [matrix for layer in layers(network).values() for matrix in (layer.A, layer.B)]


def merge(network: Transformer) -> None:
    """Add each update to its matrix, in place of the adapter: the same outputs at the old price.

    The new matrices are new memory: a network that shares the old ones stays as it is. A base that was packed is no
    longer, since its weights have changed.

    Raises:
        ValueError: if the network has no adapters.
    """
    _replace(network, LoRALinear.merged)


def remove(network: Transformer) -> None:
    """Take the adapters out: the network is again the one that it was before :func:`add`.

    Raises:
        ValueError: if the network has no adapters.
    """
    _replace(network, lambda layer: layer.base)


def save(network: Transformer, path: str | Path) -> None:
    """Write the adapters to one safetensors file, atomically: A and B alone, with the name of the base.

    Raises:
        ValueError: if the network has no adapters.
    """
    adapted = _adapted(network)
    first = next(iter(adapted.values()))
    tensors = {f"{name}.{part}": getattr(layer, part) for name, layer in adapted.items() for part in "AB"}
    about = {"kind": KIND, "rank": first.rank, "alpha": first.alpha, "layers": list(adapted)}
    write_tensors(path, tensors, {**about, "network": dataclasses.asdict(network.config), "base": base(network)})


def load(network: Transformer, path: str | Path) -> list[str]:
    """Add the adapters of a file to the network that they were trained beside; see :func:`add`.

    Raises:
        FileNotFoundError: if nothing is there.
        ValueError: if the file is damaged, holds no adapters, or those of another network: of other options, other
            sizes, or other weights. Nothing is half read.
    """
    _refuse_adapted(network)
    tensors, about = read_tensors(path)
    remedy = "load them into the network that they were trained beside"
    kinds = {"rank": int, "alpha": float, "layers": list, "network": dict, "base": str}
    if about.get("kind") != KIND or not all(isinstance(about.get(name), kind) for name, kind in kinds.items()):
        raise ValueError(f"{path} holds no adapters; give a file that lora.save wrote")
    for option, mine in dataclasses.asdict(network.config).items():
        if (theirs := about["network"].get(option)) != mine:
            raise ValueError(
                f"{path}: its adapters belong to a network with {option}={theirs!r}, not {mine!r}; {remedy}"
            )
    _check_sizes(path, tensors, _sizes(network, about))
    if (mine := base(network)) != about["base"]:
        raise ValueError(f"{path}: its adapters belong to other weights, {about['base']}, not {mine}; {remedy}")
    names = add(network, about["rank"], alpha=about["alpha"], targets=about["layers"])
    with torch.no_grad():
        for name, layer in layers(network).items():
            layer.A.copy_(tensors[f"{name}.A"])
            layer.B.copy_(tensors[f"{name}.B"])
    return names


def base(network: Transformer) -> str:
    """Name a network's own weights by their sizes and contents; its adapters do not count.

    Raises:
        TypeError: if it is a whole model, and not its network.
    """
    _check_network(network)
    digest = blake2b(digest_size=8)
    adapters = {f"{name}.{part}" for name, layer in layers(network).items() for part in "AB"}
    for name, weight in sorted((name.replace(".base.", "."), w) for name, w in network.named_parameters()):
        # The head of a tied network is its embedding once more, packed.
        if name not in adapters and not (network.config.tied and name.startswith("head.")):
            digest.update(f"{name} {checkpoint.fingerprint(weight)}\n".encode())
    return digest.hexdigest()


def _has_matrix(layer: Any) -> bool:
    return isinstance(weight := getattr(layer, "weight", None), Tensor) and weight.ndim == 2


def _bias(layer: nn.Module) -> Tensor | None:
    return getattr(layer, "bias", None)


def _check_network(network: Any) -> None:
    if not isinstance(network, Transformer):
        raise TypeError(f"a Transformer has matrices to adapt, got {type(network).__name__}; give student.network")


def _refuse_adapted(network: Transformer) -> None:
    _check_network(network)
    if layers(network):
        raise ValueError("this network has adapters already; merge or remove them first")


def _adapted(network: Transformer) -> dict[str, LoRALinear]:
    """Return the layers with adapters, at least one."""
    _check_network(network)
    if not (found := layers(network)):
        raise ValueError("this network has no adapters; add some first")
    return found


def _replace(network: Transformer, other: Callable[[LoRALinear], nn.Module]) -> None:
    """Put another layer in the place of each that has an adapter; what could be trained before can be again."""
    adapted = _adapted(network)
    for weight in next(iter(adapted.values())).thawed:
        weight.requires_grad_(True)
    for name, layer in adapted.items():
        network.set_submodule(name, other(layer))


def _chosen(targets: Collection[str], known: Collection[str]) -> list[str]:
    """Return the names that are meant, in the order of the network."""
    wanted = several("targets", targets)
    lasts = {name.rpartition(".")[2] for name in known}
    for target in wanted:
        if target not in known and target not in lasts:
            choices = sorted(lasts)
            raise ValueError(
                f"targets must be among {', '.join(choices)}, or whole names such as {next(iter(known))!r}, "
                f"got {target!r}{did_you_mean(target, choices)}"
            )
    if not wanted:
        raise ValueError("targets must name at least one matrix, or leave it out for all")
    return [name for name in known if name in wanted or name.rpartition(".")[2] in wanted]


def _sizes(network: Transformer, about: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return the sizes that the adapters of a file must have beside the matrices of a network."""
    known = matrices(network)
    shapes = {name: cast(Tensor, known[name].weight).shape for name in about["layers"] if name in known}
    return {
        f"{name}.{part}": size
        for name, (rows, columns) in shapes.items()
        for part, size in (("A", (about["rank"], columns)), ("B", (rows, about["rank"])))
    }


def _check_sizes(path: str | Path, tensors: dict[str, Tensor], wanted: dict[str, tuple[int, ...]]) -> None:
    for name in sorted(tensors.keys() | wanted.keys()):
        its = tuple(tensors[name].shape) if name in tensors else "missing"
        if its != (own := wanted.get(name, "missing")):
            raise ValueError(f"{path}: its {name} is {its}, and beside this network's matrices it must be {own}")
        if not tensors[name].is_floating_point() or not tensors[name].isfinite().all():
            raise ValueError(f"{path}: its {name} must hold finite floats, as a training that went well leaves them")
