"""Reinforcement learning: a policy that writes what a reward asks for."""

from sdg_lab.models.policy.discriminator import SequenceDiscriminator
from sdg_lab.models.policy.gradient import PolicyGradient, advantages, clipped_surrogate, kl_term, learn

__all__ = [
    "PolicyGradient",
    "SequenceDiscriminator",
    "advantages",
    "clipped_surrogate",
    "kl_term",
    "learn",
]
