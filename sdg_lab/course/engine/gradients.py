"""Walk through a function's arguments: what in them can be differentiated, what was changed, and the gradients."""

from __future__ import annotations

import copy
import functools
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sdg_lab.course.engine.compare import difference, is_tensor, same, tolerance

Gradients = dict[str, Any]
"""For each tensor that wants a gradient, by its name, the gradient or None."""

CUT = "stay within torch; detach(), .item(), .numpy() and torch.tensor(...) cut the gradient off"

INFINITE = "somewhere inf is multiplied by 0, or a root or a logarithm is differentiated at 0"

IN_PLACE = "a tensor that was already used is changed in place; make a new one, with torch.stack where a loop fills it"
SPENT = "backward has already been called inside; return the value, and leave its gradient to the caller"


def refused(error: RuntimeError) -> str:
    """Return why torch will not differentiate an answer, as a sentence."""
    said = str(error)
    why = IN_PLACE if "inplace" in said else SPENT if "second time" in said else said.split("\n")[0]
    return f"the value is right, but torch cannot differentiate it: {why}"


def ask_for_gradients(value: Any) -> None:
    """Let every floating tensor of an argument want a gradient."""
    for _, tensor in tensors(value, ""):
        if tensor.dtype.is_floating_point:
            tensor.requires_grad_()


def moved(value: Any, share: float, rng: np.random.Generator) -> Any:
    """Return an argument in double precision, each floating number of it a share of itself larger or smaller.

    The argument stays as it is. What a function holds in its closure is not changed.
    """
    if is_tensor(value):
        if not value.dtype.is_floating_point:
            return value
        signs = sys.modules["torch"].as_tensor(rng.choice([-1.0, 1.0], size=tuple(value.shape)))
        return (value.detach().double() * (1 + share * signs)).requires_grad_(value.requires_grad)
    if isinstance(value, float | np.floating) or (isinstance(value, np.ndarray) and value.dtype.kind == "f"):
        numbers = np.asarray(value, dtype=np.float64)
        return (numbers * (1 + share * rng.choice([-1.0, 1.0], size=numbers.shape)))[()]
    if isinstance(value, Mapping):
        return {key: moved(part, share, rng) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(moved(part, share, rng) for part in value)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.nn.Module):
        network = copy.deepcopy(value).double()
        for parameter in network.parameters():
            parameter.data = moved(parameter.detach(), share, rng)
        return network
    return value


DEEPEST = 5
"""Closures and objects may hold each other; what lies deeper than this is not looked at."""


def tensors(value: Any, name: str, depth: int = DEEPEST) -> Iterator[tuple[str, Any]]:
    """Yield every tensor in an argument with its name: in containers, networks, closures and objects."""
    if is_tensor(value):
        yield name, value
    elif depth:
        for inner, part in _parts(value, name):
            yield from tensors(part, inner, depth - 1)


def change(mine: Any, untouched: Any, name: str, depth: int = DEEPEST, holder: str = "") -> str:
    """Return what a call did to an argument, as the rest of a sentence; empty if nothing.

    Args:
        mine: the argument after the call.
        untouched: the same argument of a case that nothing was called with.
        name: how the student may call it.
        depth: of what lies within it, no more is looked at.
        holder: the name of the list or the dictionary that it stands in; empty if in none.
    """
    if is_tensor(mine):
        if not same(mine, untouched):
            return f"changes {name} in place; work on a copy, such as {name}.clone(), or write without the trailing _"
        grads = (mine.grad, untouched.grad) if mine.is_leaf else (None, None)
        if (grads[0] is None) != (grads[1] is None) or (grads[0] is not None and not same(*grads)):
            return (
                f"leaves a gradient in {name}.grad, where the optimiser would find it; torch.autograd.grad returns "
                "gradients without storing them"
            )
        return ""
    parts, before = (list(_parts(value, name)) if depth else [] for value in (mine, untouched))
    if [inner for inner, _ in parts] != [inner for inner, _ in before]:
        return f"changes {name} in place; work on a copy"
    if parts:
        pairs = zip(parts, before, strict=True)
        holder = name if isinstance(mine, list | Mapping) else holder
        found = (change(part, old, inner, depth - 1, holder) for (inner, part), (_, old) in pairs)
        return next(filter(None, found), "")
    if isinstance(mine, str | int | float | tuple) and holder:  # itself it cannot be changed
        name = holder
    return "" if same(mine, untouched) else f"changes {name} in place; work on a copy, such as {name}.copy()"


def gradients(value: Any, like: Any, arguments: Mapping[str, Any]) -> Gradients:
    """Return the gradients of a random projection of an answer, with respect to all that wants one.

    Args:
        value: what was returned.
        like: what the reference returned, which says how the outputs are arranged.
        arguments: what the function was called with, by name.
    """
    leaves = [(name, tensor) for key, part in arguments.items() for name, tensor in tensors(part, key)]
    leaves = [(name, tensor) for name, tensor in leaves if tensor.requires_grad]
    if not leaves:
        return {}
    torch = sys.modules["torch"]
    outputs = [(out, seed) for seed, out in enumerate(_outputs(value, like)) if is_tensor(out) and out.requires_grad]
    if not outputs:
        return {name: None for name, _ in leaves}
    with torch.enable_grad():
        total = sum((out * _direction(out, seed)).sum() for out, seed in outputs)
        found = torch.autograd.grad(total, [tensor for _, tensor in leaves], allow_unused=True)
    return {name: gradient for (name, _), gradient in zip(leaves, found, strict=True)}


def wrong_gradient(got: Gradients, want: Gradients, scale: Any, rtol: float, size: int) -> str:
    """Return what is the matter with an answer's gradients, as a sentence; empty if they are right."""
    scale = scale or {}
    for name, right in want.items():
        mine = got.get(name)
        if right is None:
            if not _is_zero(mine):
                return f"the value is right, but a gradient flows into {name}, which is a constant here: detach it"
            continue
        if _is_zero(right) and _is_zero(mine):
            continue
        if mine is None:
            return f"the value is right, but no gradient reaches {name}: {CUT}"
        finite = right.isfinite()
        mine, right = mine[finite], right[finite]
        if not mine.isfinite().all():
            return f"the value is right, but its gradient with respect to {name} is not finite: {INFINITE}"
        if told := _told(mine, right, scale=scale.get(name), rtol=rtol, size=size):
            return f"the value is right, but its gradient with respect to {name} {told}"
    return ""


def _told(mine: Any, right: Any, **options: Any) -> str:
    wrong = difference(mine, right, **options)
    if not wrong:
        return ""
    if _is_zero(mine):
        return f"is 0: {CUT}"
    if not difference(-mine, right, **options):
        return "has the wrong sign"
    times = float((mine * right).sum() / right.square().sum())
    if not difference(mine, times * right, **options):
        return f"is {times:.3g} times the right one: a part of it was cut off, or counted twice"
    return f"is not: {wrong}"


def _is_zero(gradient: Any) -> bool:
    """Tell whether a gradient is nothing; rounding may leave a trace."""
    if gradient is None or not gradient.numel():
        return True
    return bool(gradient.abs().max() <= tolerance(gradient.dtype.itemsize)[1] * 1e-3)


def _direction(out: Any, seed: int) -> Any:
    torch = sys.modules["torch"]
    numbers = np.random.default_rng(seed).normal(size=tuple(out.shape))
    return torch.as_tensor(numbers, dtype=out.dtype, device=out.device)


def _outputs(value: Any, like: Any) -> Iterator[Any]:
    """Yield the tensors of an answer in the order of the reference's; a list of numbers is one of them."""
    if is_tensor(like):
        yield _stacked(value, like)
    elif isinstance(like, Mapping):
        for key in like:
            yield from _outputs(value[key] if isinstance(value, Mapping) else None, like[key])
    elif isinstance(like, list | tuple):
        mine = value if isinstance(value, Sequence) or is_tensor(value) else [None] * len(like)
        for part, theirs in zip(mine, like, strict=False):
            yield from _outputs(part, theirs)


def _stacked(value: Any, like: Any) -> Any:
    torch = sys.modules["torch"]
    if isinstance(value, list | tuple) and value:
        parts = [_stacked(part, None) for part in value]
        value = torch.stack(parts) if all(is_tensor(part) for part in parts) else None
    if is_tensor(value) and like is not None and value.numel() == like.numel():
        return value.reshape(like.shape)
    return value


def _parts(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield what a container, a network, a closure or an object is made of."""
    torch = sys.modules.get("torch")
    if isinstance(value, Mapping):
        yield from ((f"{name}[{key!r}]", part) for key, part in value.items())
    elif isinstance(value, list | tuple):
        yield from ((f"{name}[{index}]", part) for index, part in enumerate(value))
    elif torch is not None and isinstance(value, torch.nn.Module):
        yield from ((f"{name}.{inner}", part) for inner, part in [*value.named_parameters(), *value.named_buffers()])
    elif isinstance(value, functools.partial):
        yield from _parts([*value.args, *value.keywords.values()], name)
    elif isinstance(value, types.FunctionType):
        names = value.__code__.co_freevars
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        yield from ((f"{name}'s {inner}", part) for inner, part in zip(names, cells, strict=True))
    elif (
        hasattr(value, "__dict__")
        and not isinstance(value, type | types.ModuleType | np.ndarray)
        and not is_tensor(value)
    ):
        yield from ((f"{name}.{inner}", part) for inner, part in vars(value).items())
