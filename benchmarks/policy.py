"""What a baseline saves, what the policy's loop costs beside a bare one, and how much oftener what is wanted is drawn.

The first rows are the variance of the policy gradient, whose ratio is the number of draws that one draw with a baseline
replaces. The next is a round of learning beside a bare PyTorch loop that makes the same one, so that both end with the
same weights to the bit, which is checked. The last say how many draws one wanted sequence costs, before and after.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from functools import partial

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem.Crippen import MolLogP  # type: ignore[attr-defined]
from rdkit.Chem.QED import qed

from benchmarks.timing import Row, interleaved
from sdg_lab import course, data, training
from sdg_lab.models.policy.gradient import Baseline, PolicyGradient, Reward, learn
from sdg_lab.models.sequences.alphabet import Sequences
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.transformer import GPT

LONGEST, BATCH, LR, BETA = 20, 128, 1e-3, 0.1
BATCHES, REPEATS, ROUNDS = 60, 9, 20
SEEDS = (0, 1, 2)


def run() -> list[Row]:
    names = data.names()
    pretrained = GPT(d_model=64, n_layers=2, n_heads=4, context=24, dropout=0.1)
    pretrained.fit(names.train, epochs=12, lr=4e-3, progress=False)
    return [*names_that_obey(pretrained), step(pretrained), molecules()]


def obeys(names: Sequences) -> list[float]:
    """Reward a doubled letter and a vowel at the end, chapter 08's rule."""
    return [float(bool(re.search(r"(.)\1", str(name))) and name[-1:] in tuple("aeiouy")) for name in names]


def names_that_obey(pretrained: GPT) -> list[Row]:
    """Compare the gradient's variance without and with a baseline, and the draws that a name costs that obeys."""
    rewarded = []
    for seed in SEEDS:
        objective = PolicyGradient(copy.deepcopy(pretrained), obeys, kl=BETA, max_length=LONGEST)
        learn(objective, rounds=40, batch_size=BATCH, lr=LR, seed=seed, progress=False)
        rewarded.append(objective.policy)
    before = share([pretrained])
    after = share(rewarded)
    rows = []
    stages: list[tuple[SequenceModel, float, float]] = [(pretrained, before, 1.0), (rewarded[0], after, 4.0)]
    for policy, obeying, goal in stages:
        none, others = (variance(policy, baseline) for baseline in ("none", "leave-one-out"))
        what = f"names, {obeying:.0%} of them rewarded: variance of the gradient from 64"
        rows.append(Row(what, others, "without a baseline", none, goal, ""))
    what = f"names: draws for one that obeys, β = {BETA}, mean of {len(SEEDS)} seeds"
    return [*rows, Row(what, 1 / after, "before", 1 / before, 4, "draws")]


def variance(policy: SequenceModel, baseline: Baseline) -> float:
    """Return the summed variance of the gradient's entries, over batches of 64 names."""
    objective = PolicyGradient(copy.deepcopy(policy), obeys, baseline=baseline, max_length=LONGEST)
    weights = list(objective.policy.parameters())
    torch.manual_seed(0)
    gradients = [torch.autograd.grad(objective.loss(torch.zeros(64)), weights) for _ in range(BATCHES)]
    return float(torch.stack([torch.cat([g.flatten() for g in each]) for each in gradients]).var(dim=0).sum())


def share(policies: Sequence[SequenceModel]) -> float:
    """Return the share of names that obey, of 4,000 drawn from each."""
    return float(np.mean([np.mean(obeys(policy.sample(4_000, seed=1, max_length=LONGEST))) for policy in policies]))


def step(pretrained: GPT) -> Row:
    """Compare a round of ``learn`` with a bare one."""
    work = {"ours": partial(by_the_loop, pretrained), "bare": partial(by_a_bare_loop, pretrained)}
    ours, bare = (function().state_dict() for function in work.values())
    for key, value in ours.items():
        if not torch.equal(value, bare[key]):
            raise AssertionError(f"the two loops did different work: {key} differs")
    seconds = interleaved(work, repeats=REPEATS)
    rate = BATCH * ROUNDS / seconds["ours"]
    what = f"names: a round of REINFORCE with a KL penalty, {BATCH} drawn ({rate:,.0f} a second)"
    peer = "bare PyTorch loop, same weights at the end"
    return Row(what, seconds["ours"] / ROUNDS, peer, seconds["bare"] / ROUNDS, goal=0.95)


def by_the_loop(pretrained: GPT) -> GPT:
    """Reward a copy for some rounds."""
    policy = copy.deepcopy(pretrained)
    objective = PolicyGradient(policy, obeys, kl=BETA, max_length=LONGEST)
    learn(objective, rounds=ROUNDS, batch_size=BATCH, lr=LR, device="cpu", progress=False)
    return policy


def by_a_bare_loop(pretrained: GPT) -> GPT:
    """Reward a copy as a tutorial would, from the same random states; it keeps the same record of each round."""
    record = []
    policy, reference = copy.deepcopy(pretrained).eval(), copy.deepcopy(pretrained).eval().requires_grad_(False)
    optimiser = torch.optim.Adam(policy.parameters(), lr=LR)
    for epoch in range(ROUNDS):
        training.start_epoch(0, epoch, BATCH)
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        tokens, lengths = policy.sample_tokens(BATCH, generator=generator, max_length=LONGEST)
        names = policy.unpad(tokens, lengths)
        rewards = torch.tensor(obeys(names))
        log_probs = policy.token_log_probs(tokens, lengths)
        log_ratio = (log_probs.detach() - reference.token_log_probs(tokens, lengths)).sum(dim=1)
        found = float(rewards.mean()), float(log_ratio.mean()), float(lengths.float().mean())
        record.append((*found, len(set(names)) / len(names)))
        rewards = rewards - BETA * log_ratio
        advantage = (rewards - rewards.mean()) * (BATCH / (BATCH - 1))
        # The ratio to the policy that drew is 1, and its gradient that of log π: written so, the bits agree.
        gain = torch.exp(log_probs - log_probs.detach()) * advantage[:, None]
        optimiser.zero_grad(set_to_none=True)
        (-gain.sum(dim=1).mean()).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return policy


def molecules() -> Row:
    """Compare the draws for one molecule that is as wanted and no copy, before and after chapter 08's cure."""
    chemist = course.weights("08-molecules", GPT)
    after = []
    for seed in SEEDS:
        objective = PolicyGradient(copy.deepcopy(chemist), the_first_time(), kl=BETA, max_length=80)
        learn(objective, rounds=16, batch_size=64, lr=5e-4, seed=seed, progress=False)
        after.append(different(objective.policy))
    each = ", ".join(f"{found:.0%}" for found in after)
    before = different(chemist)
    what = f"molecules: draws, of 1,000, for one as wanted and no copy ({each} of them; before {before:.0%})"
    return Row(what, 1 / np.mean(after).item(), "before", 1 / before, 1.5, "draws")


def parsed(line: str) -> Chem.Mol | None:
    """Read a line as a molecule, if it is one."""
    with rdBase.BlockLogs():
        return Chem.MolFromSmiles(line) if line else None


def wanted(line: str) -> str | None:
    """Return the one spelling of a molecule that is neither watery nor greasy and like a medicine, or nothing."""
    molecule = parsed(line)
    if molecule is None or not 2 < MolLogP(molecule) < 4 or not qed(molecule) > 0.6:  # type: ignore[no-untyped-call]
        return None
    return str(Chem.MolToSmiles(molecule))


def the_first_time() -> Reward:
    """Return a reward that pays for a wanted molecule when it is written for the first time."""
    written: set[str | None] = {None}

    def reward(lines: Sequences) -> list[float]:
        pays = []
        for line in lines:
            molecule = wanted(str(line))
            pays.append(float(molecule not in written))
            written.add(molecule)
        return pays

    return reward


def different(policy: SequenceModel) -> float:
    """Return the share of 1,000 draws that are wanted, each molecule counted once."""
    lines = policy.sample(1_000, seed=1, max_length=80)
    return len({wanted(str(line)) for line in lines} - {None}) / len(lines)
