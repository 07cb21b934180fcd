"""Students: small transformers that learn answers to prompts, and can then teach.

A student reads prompt and answer as one text, and its loss counts the answer alone: the mean over all training pairs of
-Σ_t log p(y_t | x, y_1 … y_{t-1}), in nats per answer token, the answer's end being one token more. The network is
that of :class:`~sdg_lab.models.transformer.GPT`, and its tokens are characters.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, Unpack, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.checks import seed_or_none, several, truth, whole
from sdg_lab.distill.teacher import Options, Prompt
from sdg_lab.models.completion import Completion, Reason
from sdg_lab.models.contract import check_count
from sdg_lab.models.neural import FACTS, NeuralModel
from sdg_lab.models.sequences import padding
from sdg_lab.models.sequences.alphabet import Alphabet
from sdg_lab.models.sequences.sampling import draw_each, filter_logits
from sdg_lab.models.transformer import lora
from sdg_lab.models.transformer.config import DEFAULTS, TransformerConfig
from sdg_lab.models.transformer.gpt import Transformer
from sdg_lab.options import takes
from sdg_lab.tables.columns import got
from sdg_lab.training import recipe as recipes
from sdg_lab.training.randomness import seeded
from sdg_lab.training.recipe import Recipe, defaults

Pairs = list[tuple[str, str]]
"""Prompts and answers."""

MAX_PROMPTS = 1_024
"""Prompts that are answered side by side."""


class Student(NeuralModel[Pairs]):
    """A transformer over characters that answers prompts.

    Args:
        options: the fields of :class:`~sdg_lab.models.transformer.config.TransformerConfig`; the context must hold a
            prompt, its answer, and one token more.

    Raises:
        TypeError: if there is no such option.
        ValueError: if an argument is out of range.
    """

    network: Transformer

    @takes(TransformerConfig, DEFAULTS)
    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = TransformerConfig(**options)
        self._alphabet: Alphabet | None = None

    # Likelihood, on tensors.

    def logits(self, tokens: Tensor) -> Tensor:
        """Return the logits of the token after each position, (n, T) -> (n, T, symbols)."""
        if self._alphabet is None:  # there are no layers: fit makes them, and calls this before it is done
            self.require_fitted()
        return cast(Tensor, self.network(tokens))

    def answer_log_probs(self, tokens: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
        """Return the log-probability of each token of the answers, nats, (n, T), and 0 for all others.

        Args:
            tokens: (n, T + 1), as :meth:`tensors` makes them.
            starts: tokens of each prompt, (n,).
            lengths: tokens of prompt and answer, the end included, (n,).

        Returns:
            Entry t belongs to ``tokens[:, t + 1]``. Gradients flow.
        """
        logits = self.logits(tokens[:, :-1])
        found = -F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        return found.view_as(tokens[:, 1:]) * answer_mask(starts, lengths, tokens.shape[1] - 1)

    def loss(self, tokens: Tensor, starts: Tensor, lengths: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean over pairs of their answers' nats, each times its weight; arguments as above.

        :meth:`fit` gives every pair the weight 1 / (mean tokens of an answer): the loss is in nats per answer token.
        """
        width = int(lengths.max())  # what is padding in all rows of this batch is not computed
        nats = -self.answer_log_probs(tokens[:, : width + 1], starts, lengths).sum(dim=1)
        return (nats if weights is None else nats * weights).mean()

    # The contract, on pairs.

    @defaults(epochs=20, batch_size=64, lr=1e-2, optimizer="muon", clip=1.0)
    def fit(
        self,
        data: Pairs,
        *,
        validation: Pairs | None = None,
        symbols: str = "",
        warm_start: bool = False,
        seed: int = 0,
        progress: bool = True,
        **recipe: Unpack[Recipe],
    ) -> Self:
        """Train from new weights, or on from those that are there; the loss is in nats per answer token.

        Args:
            data: pairs of a prompt and its answer.
            validation: held-out pairs, measured after each epoch.
            symbols: characters that prompts and answers may hold beside those of the data.
            warm_start: go on from the weights and the characters of the last ``fit``, as in scikit-learn; optimiser and
                schedule begin anew. A student that was not fitted yet is trained from new weights.
            seed: decides weights, order of pairs and noise.
            progress: show a bar.
            recipe: see :class:`~sdg_lab.training.recipe.Recipe`. A ``checkpoint`` belongs to the weights that the run
                began with: with ``warm_start`` it is taken up by the student as it was then.

        Raises:
            TypeError: if the data is of another kind.
            ValueError: if there are no pairs, a prompt or an answer is empty, a pair is longer than the context, a
                character is not known (of the validation pairs, and with ``warm_start`` of any), or all weights are
                frozen.
        """
        alphabet = alphabet_of(data, symbols)
        goes_on = truth("warm_start", warm_start) and self.fitted
        if goes_on:
            alphabet = self._known(alphabet)
        batch = self.weighted(alphabet, data)
        held_out = None if validation is None else self.weighted(alphabet, validation)
        with self.as_before_on_failure():
            if not goes_on:
                self.prepare(alphabet, seed)
            self.learn(batch, validation=held_out, recipe=recipe, seed=seed, progress=progress)
        return self

    def learn(
        self,
        batch: tuple[Tensor, ...],
        *,
        validation: tuple[Tensor, ...] | None = None,
        recipe: Recipe,
        seed: int,
        progress: bool,
    ) -> Self:
        """Train the weights that are there, as a run that is known by them; refuse frozen ones."""
        self.require_trainable()
        if callable(hook := recipe.get("on_epoch")):  # what cannot be called, training refuses
            recipe = {**recipe, "on_epoch": lambda epoch, run: hook(epoch, run.answering())}
        self.history, self.trained = recipes.run(_Run(self), batch, validation, recipe, seed=seed, progress=progress)
        return self

    def require_trainable(self) -> None:
        """Refuse to train where all weights are frozen."""
        if not any(weight.requires_grad for weight in self.parameters()):
            raise ValueError("all weights of this student are frozen; call student.requires_grad_(True) first")

    @torch.no_grad()
    def log_prob(self, x: Pairs) -> NDArray[np.float64]:
        """Return the exact log P(answer | prompt) of each pair, the answer's end included, in nats, (n,).

        Raises:
            TypeError: if the pairs are of another kind than the training data.
            ValueError: if a character is not known, or a pair is longer than the context.
            NotFittedError: before ``fit``.
        """
        tokens, starts, lengths = (tensor.to(self.device) for tensor in self.tensors(self.alphabet, x))
        found = np.empty(len(x))
        for rows in padding.chunks(torch.argsort(lengths, stable=True), tokens.shape[1]):
            part = tokens[rows, : int(lengths[rows].max()) + 1]
            nats = self.answer_log_probs(part, starts[rows], lengths[rows])
            found[rows.cpu().numpy()] = nats.cpu().double().sum(1).numpy()
        return found

    def sample(
        self,
        n: int,
        *,
        seed: int | None = None,
        prompt: str | None = None,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_length: int | None = None,
    ) -> Pairs:
        """Draw ``n`` answers to one prompt; the pairs are returned.

        Args:
            n: how many.
            seed: the same seed draws the same answers; without one they are different each time.
            prompt: what to answer; the model predicts nothing without one.
            temperature: as in :func:`~sdg_lab.models.sequences.sampling.filter_logits`, and so are the next two.
            top_k: draw only from the k likeliest tokens.
            top_p: draw only from the likeliest tokens that together have this probability.
            max_length: an answer that has not ended by itself is cut after so many tokens.

        Raises:
            ValueError: if there is no prompt, it holds an unknown character, or an argument is out of range.
            NotFittedError: before ``fit``.
        """
        self.require_fitted()
        n, seeds = check_count(n), np.random.SeedSequence(seed_or_none(seed))
        if prompt is None:
            raise ValueError("answers depend on a prompt: give one, as in sample(n, prompt=...)")
        rows = [int(word) for word in seeds.generate_state(n, np.uint64) >> np.uint64(1)]
        options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        if max_length is not None:
            options["max_tokens"] = whole("max_length", max_length, least=1)
        return [(prompt, one.text) for one in self.generate([prompt] * n, seeds=rows, **options)]  # type: ignore[arg-type] # by name

    # Answers.

    @torch.no_grad()
    def generate(
        self,
        prompts: Sequence[str],
        *,
        seeds: Sequence[int] | None = None,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        max_tokens: int | None = None,
        stop: tuple[str, ...] = (),
    ) -> list[Completion]:
        """Answer prompts side by side; each answer depends on its own prompt and seed alone.

        Args:
            prompts: of any lengths.
            seeds: one for each prompt; needed unless the temperature is 0.
            temperature: 0, as by default, takes the likeliest token at each step.
            top_k: draw only from the k likeliest tokens.
            top_p: draw only from the likeliest tokens that together have this probability.
            max_tokens: the most tokens of an answer; by default as many as the context has room for.
            stop: texts at the first of which an answer ends, without it.

        Raises:
            ValueError: if a prompt is empty, fills the context or holds an unknown character, there are not as many
                seeds as prompts, or an argument is out of range.
            NotFittedError: before ``fit``.
        """
        prompts = several("prompts", prompts)
        room = self.options.context if max_tokens is None else whole("max_tokens", max_tokens, least=1)
        if seeds is None and temperature == 0:
            seeds = [0] * len(prompts)
        if seeds is None or len(seeds) != len(prompts):
            count = "none" if seeds is None else len(seeds)
            raise ValueError(f"seeds must be as many as the prompts, {len(prompts)}, got {count}; or temperature=0")
        seeds = [whole("each of seeds", seed, least=0, most=2**63 - 1) for seed in seeds]

        def choose(logits: Tensor, generators: Sequence[np.random.Generator]) -> Tensor:
            filtered = filter_logits(logits, temperature=temperature, top_k=top_k, top_p=top_p)
            if temperature == 0:
                return filtered.argmax(dim=1)
            return torch.tensor(draw_each(filtered, generators), device=logits.device)

        filter_logits(torch.zeros(1, 2), temperature=temperature, top_k=top_k, top_p=top_p)  # refuses what is wrong
        found: list[Completion] = []
        for first in range(0, len(prompts), MAX_PROMPTS):
            rows = slice(first, first + MAX_PROMPTS)
            found += self._answer(prompts[rows], seeds[rows], choose, room, stop)
        return found

    def _answer(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        choose: Callable[[Tensor, Sequence[np.random.Generator]], Tensor],
        max_tokens: int,
        stop: tuple[str, ...],
    ) -> list[Completion]:
        """Write token by token until all answers have ended; prompts of different lengths are padded at their left."""
        tokens, padded = self._left_padded(prompts)
        n, width, device = *tokens.shape, tokens.device
        room = (self.options.context - width + 1 + padded).clamp(max=max_tokens)  # tokens that each answer may have
        most = int(room.max())
        generators = [np.random.default_rng(seed) for seed in seeds]
        cache = self.network.cache(n, capacity=width + most, padding=padded)
        rows = torch.arange(n, device=device)  # the prompts that the rows of the cache belong to
        chosen = torch.zeros(n, most, dtype=torch.int64, device=device)
        nats = torch.zeros(n, most, dtype=torch.float64, device=device)
        read = tokens
        for step in range(most):
            logits = self.network.unembed(self.network.hidden(read, cache)[:, -1])
            token = choose(logits, generators)
            chosen[rows, step] = token
            nats[rows, step] = logits.double().log_softmax(dim=1).gather(1, token[:, None])[:, 0]
            goes_on = ((token != 0) & (step + 1 < room[rows])).nonzero()[:, 0]
            if not len(goes_on):
                break
            if len(goes_on) < len(rows):  # at once: a row that fills the context must not be read on
                cache, rows, token = cache.keep(goes_on), rows[goes_on], token[goes_on]
                generators = [generators[row] for row in goes_on.tolist()]
            read = token[:, None]
        cut: Sequence[Reason] = ["length" if full == max_tokens else "context" for full in room.tolist()]
        read_before = (width - 1 - padded).tolist()
        return [
            self._completion(*row, stop)
            for row in zip(chosen.cpu(), nats.cpu().numpy(), room.tolist(), cut, read_before, strict=True)
        ]

    def _left_padded(self, prompts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Return the boundary and the codes of each prompt at the right of its row, and the padding before them."""
        codes, counts = self.alphabet.encode(list(prompts))
        for index in (int(counts.argmin()), int(counts.argmax())):
            if not 0 < counts[index] < self.options.context:
                raise ValueError(
                    f"prompt {index} has {counts[index]} characters; it must have at least 1, and fewer than the "
                    f"context of {self.options.context}, which counts a boundary before them"
                )
        padded = torch.from_numpy(counts.max() - counts)
        tokens = torch.zeros(len(counts), 1 + int(counts.max()), dtype=torch.int64)
        tokens[torch.arange(tokens.shape[1]) > padded[:, None]] = torch.from_numpy(codes)
        return tokens.to(self.device), padded.to(self.device)

    def _completion(
        self,
        chosen: Tensor,
        nats: NDArray[np.float64],
        room: int,
        cut: Reason,
        prompt_tokens: int,
        stop: tuple[str, ...],
    ) -> Completion:
        """Return what was written for one prompt, up to the first stop text."""
        ends = (chosen[:room] == 0).nonzero()
        ended = len(ends) > 0
        symbols = int(ends[0]) if ended else room
        text = "".join(self.alphabet.letters[code - 1] for code in chosen[:symbols].tolist())
        tokens, reason = symbols + ended, "end" if ended else cut
        places = [(text.find(end), len(end)) for end in stop if end in text]
        if places:
            # The stop text that is complete first ends the answer, as it does where texts are read as they are written.
            place, size = min(places, key=lambda found: (found[0] + found[1], found[0]))
            text, tokens, reason = text[:place], place + size, "stop"
        return Completion(text, reason, tokens, prompt_tokens, float(nats[:tokens].sum()))

    # Codes and keeping.

    @property
    def alphabet(self) -> Alphabet:
        """The characters that are known; raises :class:`NotFittedError` before ``fit``."""
        self.require_fitted()
        return cast(Alphabet, self._alphabet)

    def tensors(self, alphabet: Alphabet, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor]:
        """Return pairs as codes.

        Returns:
            tokens, (n, longest + 2): prompt and answer between boundaries; the tokens of each prompt, (n,); and
            those of prompt and answer, the end included, (n,).
        """
        check_pairs(pairs)
        codes, counts = alphabet.encode([prompt + answer for prompt, answer in pairs])
        if int(counts.max()) >= self.options.context:
            index = int(counts.argmax())
            raise ValueError(
                f"pair {index} has {counts[index]} characters, with its boundary more than the context of "
                f"{self.options.context}; make the student with context={counts[index] + 1} or more, or leave it out"
            )
        tokens, lengths = padding.pad(codes, counts)
        return tokens, torch.tensor([len(prompt) for prompt, _ in pairs]), lengths

    def weighted(self, alphabet: Alphabet, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return :meth:`tensors`, and the weights that turn a mean over pairs into nats per answer token, (n,)."""
        tokens, starts, lengths = self.tensors(alphabet, pairs)
        return tokens, starts, lengths, padding.weights(lengths - starts)

    def _known(self, wanted: Alphabet) -> Alphabet:
        """Return the student's own characters, or refuse others: its layers have no row for them."""
        if unknown := sorted({*wanted.letters} - {*self.alphabet.letters}):
            raise ValueError(
                f"warm_start=True: the student was fitted without the characters {''.join(unknown)!r}; leave them out, "
                "or name them in the first fit(symbols=...)"
            )
        return self.alphabet

    def prepare(self, alphabet: Alphabet, seed: int) -> None:
        """Make the layers for an alphabet, with new random weights."""
        self._alphabet = alphabet
        with seeded(seed):
            self.network = Transformer(len(alphabet), **self.config())

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices inside the blocks: what ``optimizer="muon"`` steps as matrices."""
        return [parameter for parameter in self.network.blocks.parameters() if parameter.ndim == 2]

    def save(self, path: str | Path) -> None:
        """Write the fitted student to one safetensors file, atomically.

        Raises:
            ValueError: if adapters stand beside its matrices: a student that is read has none.
        """
        self.require_merged()
        super().save(path)

    def require_merged(self) -> None:
        """Refuse low-rank adapters."""
        if lora.layers(self):
            raise ValueError("this student has adapters; merge them first: lora.merge(student.network)")

    def config(self) -> dict[str, Any]:
        """Return the arguments of ``__init__``."""
        return dataclasses.asdict(self.options)

    def facts(self) -> dict[str, Any]:
        """Return the characters; nothing before ``fit``."""
        return {} if self._alphabet is None else {"letters": "".join(self._alphabet.letters)}

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Take over the characters, and make the layers for them."""
        self.prepare(Alphabet.from_facts({"letters": list(facts["letters"]), "characters": True}), seed=0)


class _Run(nn.Module):
    """A student as the training loop takes it: its checkpoint says with which weights the run began."""

    def __init__(self, student: Student) -> None:
        super().__init__()
        self.student = student

    def loss(self, *batch: Tensor) -> Tensor:
        return self.student.loss(*batch)

    def matrices(self) -> list[nn.Parameter]:
        return self.student.matrices()

    def config(self) -> dict[str, Any]:
        """Return what a run must have in common with the one that it takes up; asked for before the first step."""
        return {"starting weights": fingerprint(self.student), **self.student.config()}

    def facts(self) -> dict[str, Any]:
        return self.student.facts()

    def answering(self) -> Student:
        """Return the student, which answers though its training is not over."""
        self.student.fitted = True
        return self.student


class StudentTeacher:
    """A student that teaches: the :class:`~sdg_lab.distill.teacher.Teacher` of a small world.

    Args:
        student: fitted.
        name, licence, terms: what records and the data card say.
        batch: prompts that are answered side by side.
    """

    concurrency = 1
    can_score = True

    def __init__(
        self,
        student: Student,
        *,
        name: str = "a student trained here",
        licence: str = "that of its training data",
        terms: str = "none: it was trained here",
        batch: int = 256,
    ) -> None:
        student.require_fitted()
        self.student = student
        self.name, self.licence, self.terms = name, licence, terms
        self.batch = whole("batch", batch, least=1)

    def __repr__(self) -> str:
        return f"StudentTeacher({self.name!r}, batch={self.batch})"

    def generate(self, prompts: Sequence[Prompt], *, seeds: Sequence[int], options: Options) -> list[Completion]:
        """Answer the prompts; see :class:`~sdg_lab.distill.teacher.Teacher`.

        Raises:
            ValueError: for a chat, an option that a student does not have, or what :meth:`Student.generate` refuses.
        """
        if not prompts:
            return []
        given = options.given()
        if others := given.keys() & {"min_p", "repetition_penalty", "regex", "schema"}:
            raise ValueError(f"a student has no {', '.join(sorted(others))}; leave it out, or ask a LocalTeacher")
        return self.student.generate(_texts(prompts), seeds=seeds, **given)

    def log_prob(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-probability of each answer after its prompt, its end included, (n,), in nats."""
        return self.student.log_prob(list(zip(_texts(prompts), answers, strict=True))) if prompts else np.empty(0)


def alphabet_of(pairs: Pairs, symbols: str = "") -> Alphabet:
    """Return the characters of prompts and answers, and others that shall be known too.

    Raises:
        TypeError: if the data is of another kind.
        ValueError: if there are no pairs, or a prompt or an answer is empty.
    """
    check_pairs(pairs)
    found = Alphabet.of([prompt + answer for prompt, answer in pairs])
    return Alphabet(tuple(sorted({*found.letters, *symbols})), characters=True)


def check_pairs(pairs: Pairs) -> None:
    """Refuse what is not a list of pairs of texts, none of them empty."""
    if not isinstance(pairs, list):
        raise TypeError(f"data must be a list of pairs (prompt, answer), got {got(pairs)}")
    if not pairs:
        raise ValueError("data holds no pairs; give at least one")
    for index, pair in enumerate(pairs):
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise TypeError(f"pair {index} is {pair!r}; it must be a tuple of two texts (prompt, answer)")
        if not all(pair):
            raise ValueError(f"the {'answer' if pair[0] else 'prompt'} of pair {index} is empty; leave it out")


def answer_mask(starts: Tensor, lengths: Tensor, width: int) -> Tensor:
    """Return which of ``width`` predictions are of an answer's tokens, its end included, bool (n, width)."""
    return padding.mask_of(lengths, width) & ~padding.mask_of(starts, width)


def fingerprint(student: Student) -> str:
    """Name a student by a checksum of its weights, its characters and its sizes."""
    found = hashlib.sha256(json.dumps([student.config(), student.facts()], sort_keys=True).encode())
    for name, weight in sorted(student.state_dict().items()):
        if name != FACTS:
            raw = weight.detach().cpu().contiguous().flatten().view(torch.uint8)  # numpy knows no bfloat16
            found.update(name.encode() + raw.numpy().tobytes())
    return found.hexdigest()[:16]


def is_right(verify: Callable[[str, str], str | None], prompt: str, answer: str) -> bool:
    """Return whether a program finds nothing wrong with an answer.

    Raises:
        TypeError: if it returns neither a reason nor None: True would be taken for a reason.
    """
    reason = verify(prompt, answer)
    if reason is not None and not isinstance(reason, str):
        raise TypeError(f"a verifier must return what is wrong with an answer, as a text, or None, got {reason!r}")
    return reason is None


def accuracy(student: Student, pairs: Pairs, verify: Callable[[str, str], str | None] | None = None) -> float:
    """Return the share of prompts whose greedy answer is right.

    Args:
        student: answers.
        pairs: prompts and their true answers.
        verify: a program that takes a prompt and an answer and returns what is wrong, or None; without one an answer
            must be the true one, letter by letter.

    Raises:
        TypeError: if the data is of another kind, or ``verify`` returns something else.
    """
    check_pairs(pairs)
    written = [one.text for one in student.generate([prompt for prompt, _ in pairs])]
    if verify is None:
        return float(np.mean([text == true for text, (_, true) in zip(written, pairs, strict=True)]))
    return float(np.mean([is_right(verify, prompt, text) for text, (prompt, _) in zip(written, pairs, strict=True)]))


def _texts(prompts: Sequence[Prompt]) -> list[str]:
    for prompt in prompts:
        if not isinstance(prompt, str):
            raise ValueError("a student continues texts and knows no chats; give it a text")
    return cast(list[str], list(prompts))
