"""What every model is: fitted, then sampled; it says a likelihood only if it has one; it is saved without pickle.

=====================  ======================================================================================
``fit(data)``          learns; the same seed gives the same model on the same machine
``sample(n)``          new rows, of the data's own type
``log_prob(x)``        nats, shape (n,): only where it is exact (Gaussians, Markov chain, Bayes net, trees, RNN, GPT)
``log_prob_bound(x)``  a lower bound in nats, shape (n,): VAE, diffusion; never passed off as ``log_prob``
``save`` / ``load``    one safetensors file: arrays, and a header in JSON
=====================  ======================================================================================

A model is three things: the arguments of its ``__init__`` (:meth:`~SyntheticModel.config`), the arrays that it learnt
(:meth:`~SyntheticModel.state`), and what it learnt that is no array, such as an alphabet
(:meth:`~SyntheticModel.facts`).
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar, runtime_checkable

from sdg_lab.checks import whole
from sdg_lab.files import read_tensors, write_tensors
from sdg_lab.options import known

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

Data = TypeVar("Data")
Data_contra = TypeVar("Data_contra", contravariant=True)
Arrays = dict[str, "Tensor"] | dict[str, "NDArray[Any]"]


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
    """Base of all models; a subclass says what it is made of, and gets ``save`` and ``load``.

    Every argument of its ``__init__`` is an attribute of the same name.

    Attributes:
        trained: what a neural family knows of its last ``fit`` and saves: seconds, cpu_seconds, epochs, steps.
    """

    trained: Mapping[str, Any] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let a mistyped argument be told the nearest, and ``help`` not show what torch says of its ``__init__``."""
        super().__init_subclass__(**kwargs)
        for name in {"__init__", "fit", "sample"} & set(cls.__dict__):
            method = cls.__dict__[name]
            method.__doc__ = method.__doc__ or "Make an unfitted model; the class explains the arguments."
            setattr(cls, name, known(method))

    arrays: ClassVar[Literal["numpy", "torch"]] = "numpy"
    """As what :meth:`restore` gets the arrays of a file."""

    @abstractmethod
    def fit(self, data: Data, *, seed: int = 0, progress: bool = True) -> Self:
        """Learn from ``data``, from scratch; return the model itself.

        A refused or interrupted fit leaves a fitted model as it was.
        """

    @abstractmethod
    def sample(self, n: int, *, seed: int | None = None) -> Data:
        """Draw ``n`` new examples; without a seed they are different each time."""

    @property
    @abstractmethod
    def fitted(self) -> bool:
        """Whether the model has learnt, or was loaded."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """How many numbers were learnt; raises :class:`NotFittedError` while that is not known."""

    def config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__`` by name, as JSON can say them."""
        arguments = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in arguments.items()}

    @abstractmethod
    def state(self) -> Arrays:
        """Return the learnt arrays by name; raises :class:`NotFittedError` if there are none yet."""

    def facts(self) -> dict[str, Any]:
        """Return what was learnt and is no array, as JSON can say it."""
        return {}

    @abstractmethod
    def restore(self, state: dict[str, Any], facts: dict[str, Any]) -> None:
        """Become the fitted model whose :meth:`state` and :meth:`facts` these are."""

    def require_fitted(self) -> None:
        """Refuse to answer before ``fit``."""
        if not self.fitted:
            raise NotFittedError(f"this {type(self).__name__} has not been fitted: call fit(data) or load(path) first")

    def header(self) -> dict[str, Any]:
        """Return all that a file says of the model beside its arrays."""
        about = {"model": type(self).__name__, "config": self.config(), "facts": self.facts()}
        return {**about, "trained": dict(self.trained)}

    @classmethod
    def from_header(cls, header: Mapping[str, Any], state: dict[str, Any]) -> Self:
        """Make the fitted model that :meth:`header` and :meth:`state` describe.

        Raises:
            ValueError: if they do not describe one.
        """
        try:
            config, facts, trained = _three_parts(header)
            model = cls(**config)
            model.restore(state, facts)
        except (AttributeError, KeyError, IndexError, RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"this is no {cls.__name__}: {error}") from error
        model.trained = trained
        return model

    def save(self, path: str | Path) -> None:
        """Write the fitted model to one safetensors file, atomically."""
        write_tensors(path, self.state(), self.header())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that :meth:`save` wrote.

        Raises:
            FileNotFoundError: if nothing is there.
            ValueError: if the file is damaged, or holds another kind of model.
        """
        state, header = read_tensors(path, framework=cls.arrays)
        if header.get("model") != cls.__name__:
            raise ValueError(f"{path} holds a {header.get('model')}, not a {cls.__name__}; load it as what it is")
        try:
            return cls.from_header(header, state)
        except ValueError as error:
            raise ValueError(f"{path} is damaged, or was written by another version: {error}") from error


def check_count(n: int) -> int:
    """Return the number of samples asked for, or refuse it."""
    return whole("n, the number of samples,", n, least=1)


def _three_parts(header: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return config, facts and trained; files of version 0.1.0 hold the other two within the config."""
    config = dict(header["config"])
    if "facts" in header:
        return config, dict(header["facts"]), dict(header["trained"])
    trained = dict(config.pop("trained", {}))
    arguments = config.pop("arguments", None)
    return (config, {}, trained) if arguments is None else (dict(arguments), config, trained)
