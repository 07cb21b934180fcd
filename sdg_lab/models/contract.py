"""What every model is: fitted, then sampled; it says a likelihood only if it has one; it is saved without pickle.

=====================  ======================================================================================
``fit(data)``          learns; the same seed gives the same model on the same machine
``sample(n)``          new rows, of the data's own type
``log_prob(x)``        nats, shape (n,): only where it is exact (Markov chain, Bayesian network, RNN, transformer)
``log_prob_bound(x)``  a lower bound in nats, shape (n,): VAE, diffusion; never passed off as ``log_prob``
``save`` / ``load``    one safetensors file: tensors, and the configuration as JSON
=====================  ======================================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdg_lab.data.types import Images
from sdg_lab.files import read_tensors, write_tensors

Data = TypeVar("Data")
Data_contra = TypeVar("Data_contra", contravariant=True)
Arrays = dict[str, Tensor] | dict[str, NDArray[Any]]


class NotFittedError(RuntimeError):
    """A model was asked for something before ``fit``."""


@runtime_checkable
class HasLogProb(Protocol[Data_contra]):
    """A model with an exact likelihood."""

    def log_prob(self, x: Data_contra) -> NDArray[np.float64]: ...  # noqa: D102 - said by the class


@runtime_checkable
class HasLogProbBound(Protocol[Data_contra]):
    """A model with a lower bound on its likelihood."""

    def log_prob_bound(self, x: Data_contra) -> NDArray[np.float64]: ...  # noqa: D102 - said by the class


class SyntheticModel(ABC, Generic[Data]):
    """Base of all models; a subclass says what its state is, and gets ``save`` and ``load``."""

    @abstractmethod
    def fit(self, data: Data, *, seed: int = 0, progress: bool = True) -> Self:
        """Learn from ``data``, from scratch; return the model itself."""

    @abstractmethod
    def sample(self, n: int, *, seed: int | None = None) -> Data:
        """Draw ``n`` new examples; without a seed they are different each time."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Return the JSON-able arguments that make an empty model of the same form."""

    @abstractmethod
    def state(self) -> Arrays:
        """Return the learned arrays by name; raises :class:`NotFittedError` if there are none yet."""

    @classmethod
    @abstractmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make a fitted model from what :meth:`config` and :meth:`state` returned."""

    def save(self, path: str | Path) -> None:
        """Write the fitted model to one safetensors file, atomically."""
        write_tensors(path, self.state(), {"model": type(self).__name__, "config": self.config()})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that :meth:`save` wrote.

        Raises:
            FileNotFoundError: if nothing is there.
            ValueError: if the file is damaged, or holds another kind of model.
        """
        state, saved = read_tensors(path)
        if saved.get("model") != cls.__name__:
            raise ValueError(f"{path} holds a {saved.get('model')}, not a {cls.__name__}; load it as what it is")
        return cls.from_state(saved["config"], state)


class NeuralModel(nn.Module, SyntheticModel[Data]):
    """A model that is a plain ``torch.nn.Module``: its state is its ``state_dict``, its loss is ``loss(*batch)``.

    ``config`` must return the arguments of ``__init__``.
    """

    fitted: bool = False

    def state(self) -> dict[str, Tensor]:
        """Return the weights; raises :class:`NotFittedError` before ``fit``."""
        self.require_fitted()
        return dict(self.state_dict())

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, Tensor]) -> Self:
        """Make the module from its arguments and give it the weights."""
        model = cls(**config)
        model.load_state_dict(state)
        model.fitted = True
        return model.eval()

    def require_fitted(self) -> None:
        """Refuse to answer before ``fit``."""
        if not self.fitted:
            raise NotFittedError(f"this {type(self).__name__} has not been fitted: call fit(data) or load(path) first")


def check_images(data: object) -> Images:
    """Return data that are pictures, or refuse them."""
    if not isinstance(data, Images):
        raise TypeError(f"the model learns from sdg_lab.data.Images, got {type(data).__name__}: wrap it in Images(...)")
    if len(data) == 0:
        raise ValueError("data is empty: give at least one picture")
    return data


def new_generator(seed: int | None, device: torch.device | str = "cpu") -> torch.Generator:
    """Return a generator of random numbers: the same seed gives the same draws, None others each time."""
    generator = torch.Generator(device)
    generator.manual_seed(seed) if seed is not None else generator.seed()
    return generator


def check_count(n: int) -> int:
    """Return the number of samples asked for, or refuse it."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
        raise ValueError(f"n, the number of samples, must be a whole number >= 1, got {n!r}")
    return int(n)
