"""The families of generative models, once, as data: the tree, the widgets and the tables all read them from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sdg_lab.show.style import OKABE_ITO

Likelihood = Literal["exact", "bound", "none", "reward"]
"""What a family can say about data: its exact probability, a lower bound of it, nothing, or only how good it is."""

ANSWERS: dict[Likelihood, tuple[str, str]] = {
    "exact": ("exact likelihood", "says log p(x), in nats"),
    "bound": ("bounded likelihood", "says log p(x) ≥ …"),
    "none": ("implicit", "samples, and no p(x)"),
    "reward": ("reward", "says how good x is"),
}
"""For each kind of likelihood its name and, in a few words, what a model of that kind says about an example x."""


@dataclass(frozen=True)
class Family:
    """One family of generative models.

    Attributes:
        key: short name, such as "markov".
        name: the name to print.
        chapter: number of its chapter, two digits.
        idea: the idea in one line.
        likelihood: what the family can say about data.
        colour: its colour in every figure, ``#RRGGBB``.
    """

    key: str
    name: str
    chapter: str
    idea: str
    likelihood: Likelihood
    colour: str


FAMILIES: tuple[Family, ...] = (
    Family(
        "markov",
        "Markov chain",
        "01",
        "Count what follows what, then walk.",
        "exact",
        OKABE_ITO["orange"],
    ),
    Family(
        "bayesnet",
        "Bayesian network",
        "02",
        "Each column given its causes, in order.",
        "exact",
        OKABE_ITO["sky blue"],
    ),
    Family(
        "vae",
        "Variational autoencoder",
        "03",
        "Squeeze to a few numbers, then decode noise.",
        "bound",
        OKABE_ITO["green"],
    ),
    Family(
        "gan",
        "Generative adversarial network",
        "04",
        "A forger learns by fooling a detective.",
        "none",
        OKABE_ITO["yellow"],
    ),
    Family(
        "diffusion",
        "Diffusion",
        "05",
        "Learn to undo a little noise, many times.",
        "bound",
        OKABE_ITO["blue"],
    ),
    Family(
        "rnn",
        "Recurrent network, seq2seq",
        "06",
        "Read on with a memory, say the next token.",
        "exact",
        OKABE_ITO["vermilion"],
    ),
    Family(
        "transformer",
        "Transformer",
        "07",
        "Look back at everything, say the next token.",
        "exact",
        OKABE_ITO["purple"],
    ),
    Family(
        "rl",
        "Reinforcement learning",
        "08",
        "Try, be scored, do more of what scored well.",
        "reward",
        OKABE_ITO["black"],
    ),
)

FAMILY_COLOURS: dict[str, str] = {family.key: family.colour for family in FAMILIES}
"""Colour of each family by key."""
