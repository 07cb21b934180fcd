"""What every neural family is: a plain ``torch.nn.Module`` with a loss, that keeps the contract of all models."""

from __future__ import annotations

import copy
import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar, Literal, Self, cast

import torch
from torch import Tensor, nn

from sdg_lab import training
from sdg_lab.checks import seed_or_none
from sdg_lab.models.contract import Data, NotFittedError, SyntheticModel
from sdg_lab.training import recipe as recipes
from sdg_lab.training.devices import device_of
from sdg_lab.training.recipe import Recipe

FACTS = "facts"
"""The name under which a ``state_dict`` carries what was learnt and is no weight, as the bytes of its JSON."""


class NeuralModel(nn.Module, SyntheticModel[Data]):
    """A model whose arrays are its ``state_dict``.

    Attributes:
        history: how the last ``fit`` went; None for a model that was loaded.
        trained: what of it is saved with the model: seconds, cpu_seconds, epochs, steps.
    """

    arrays: ClassVar[Literal["numpy", "torch"]] = "torch"
    fitted: bool = False

    def __init__(self) -> None:
        super().__init__()
        self.history: training.History | None = None
        self.trained: dict[str, Any] = {}

    @abstractmethod
    def loss(self, *batch: Any, **kwargs: Any) -> Tensor:
        """Return what training lowers: a scalar, the mean over the batch's examples."""

    @property
    def n_parameters(self) -> int:
        """How many numbers training changes; raises :class:`NotFittedError` while that is not known."""
        found = training.n_parameters(self)
        if not found:
            raise NotFittedError(f"the size of this {type(self).__name__} depends on its data: call fit(data) first")
        return found

    @property
    def device(self) -> torch.device:
        """Where the weights are, and so where it samples; the CPU while there are none."""
        return device_of(self)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights: float32, but while it is trained in another precision."""
        return next((weight.dtype for weight in self.parameters() if weight.is_floating_point()), torch.float32)

    def state(self) -> dict[str, Tensor]:
        """Return the weights and buffers by name."""
        self.require_fitted()
        return {name: value for name, value in self.state_dict().items() if name != FACTS}

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Get ready for the weights of a model that learnt these :meth:`facts`; a family that has facts says how."""

    def restore(self, state: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take over the facts, then the weights."""
        self.set_facts(facts)
        self.load_state_dict(state)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Take over the weights, as ``torch.nn.Module`` does; a model that was not fitted is so from then on.

        Weights that are refused leave a fitted model as it was.
        """
        before = {name: value.clone() for name, value in self.state_dict().items()} if self.fitted else None
        try:
            result = super().load_state_dict(state_dict, *args, **kwargs)
        except Exception:
            if before is not None:
                super().load_state_dict(before)
            raise
        if not self.fitted:
            self.fitted = True
            self.eval()
        return result

    # The facts travel in the state_dict too, so that weights alone make a whole model, wherever they are kept.

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if facts := self.facts():
            destination[prefix + FACTS] = torch.tensor(list(json.dumps(facts).encode()), dtype=torch.uint8)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        carried = state_dict.pop(prefix + FACTS, None)  # weights of version 0.1.0 carry none
        if carried is not None:
            try:
                facts = json.loads(bytes(carried.tolist()))
                if facts != self.facts():
                    self.set_facts(facts)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{prefix + FACTS!r} of these weights is no {type(self).__name__}'s: {error}"
                ) from error
        super()._load_from_state_dict(state_dict, prefix, *args)

    @contextmanager
    def as_before_on_failure(self) -> Iterator[None]:
        """Undo whatever happens inside to a fitted model, if it is not carried through; an unfitted one stays unfitted.

        A fitted model learns anew in a copy of its weights, so that the old ones are there to go back to.
        """
        before = self.__dict__
        was_fitted = self.fitted
        if was_fitted:
            self.__dict__ = copy.deepcopy(before)
        try:
            yield
        except BaseException:  # an interrupt too
            self.__dict__ = before
            self.fitted = was_fitted
            raise
        self.fitted = True

    def learn(
        self,
        batch: tuple[Tensor, ...],
        *,
        validation: tuple[Tensor, ...] | None = None,
        recipe: Recipe,
        seed: int,
        progress: bool,
    ) -> Self:
        """Train the weights that are there; what every ``fit`` ends with, inside :meth:`as_before_on_failure`."""
        if callable(hook := recipe.get("on_epoch")):  # what cannot be called, training refuses
            recipe = {**recipe, "on_epoch": partial(_call_as_fitted, hook)}
        self.history, self.trained = recipes.run(self, batch, validation, recipe, seed=seed, progress=progress)
        return self


def _call_as_fitted(hook: Any, epoch: int, model: nn.Module) -> None:
    """Call a hook with a model that answers, though its training is not over."""
    cast(Any, model).fitted = True
    hook(epoch, model)


@contextmanager
def naming(argument: str) -> Iterator[None]:
    """Say of which argument a refusal speaks, where several are read in the same way."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{argument}: {error}") from None


def new_generator(seed: int | None, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator of random numbers: the same seed gives the same draws, None others each time."""
    generator = torch.Generator(device)
    chosen = seed_or_none(seed)
    generator.seed() if chosen is None else generator.manual_seed(chosen)
    return generator
