"""Instruction tuning: a language model learns to answer as the assistant of given conversations does.

A conversation is read by the model's own chat template, and the loss counts what the assistant says alone, the mark
that ends its turn included: -Σ_t log p(y_t | all before), in nats per token of an answer. What the user and the system
say is read and not learnt (Ouyang et al., *Training language models to follow instructions with human feedback*, 2022,
section 3.5: supervised fine-tuning).

Trained are either low-rank updates beside the matrices of the blocks (:mod:`~sdg_lab.models.transformer.lora`), or all
weights. With AdamW the second keeps four numbers a weight in memory: 2.2 GB for 135 million, and the first one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Unpack, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdg_lab.checks import several
from sdg_lab.models.language_model.chat import Message
from sdg_lab.models.language_model.model import LanguageModel
from sdg_lab.models.language_model.packed import PackedLinear
from sdg_lab.models.sequences import padding
from sdg_lab.models.transformer import Transformer, lora
from sdg_lab.training import History
from sdg_lab.training import recipe as recipes
from sdg_lab.training.recipe import Recipe, defaults
from sdg_lab.training.schedules import warm_up_then_linear

Conversation = Sequence[Message]
"""Messages, at least one of them the assistant's."""


class Tokens(NamedTuple):
    """A conversation as the model reads it.

    Attributes:
        ids: numbers of its tokens.
        counted: which of them the assistant says, the end of its turn included; the loss counts these.
    """

    ids: list[int]
    counted: list[bool]


@defaults(epochs=2, batch_size=8, lr=1e-3, clip=1.0, schedule=warm_up_then_linear)
def fine_tune(
    lm: LanguageModel,
    conversations: Sequence[Conversation],
    *,
    rank: int | None = lora.RANK,
    alpha: float | None = None,
    targets: Collection[str] | None = None,
    validation: Sequence[Conversation] | None = None,
    seed: int = 0,
    progress: bool = True,
    **recipe: Unpack[Recipe],
) -> tuple[LanguageModel, History]:
    """Return a model that has learnt from conversations, and how its training went; ``lm`` itself stays as it is.

    Both share the frozen weights. The adapters are in the new model's network: :func:`sdg_lab.models.transformer.lora`
    saves, merges and removes them; left beside the packed weights, they are quicker than merged.

    Args:
        lm: speaks by a chat template.
        conversations: each with at least one message of the assistant's.
        rank: of the low-rank updates; None trains all weights, in a copy that is no longer packed. What is right for
            few numbers is too much for all: ``lr`` is then about a tenth.
        alpha: see :class:`~sdg_lab.models.transformer.lora.LoRALinear`; 16 where None is given.
        targets: which matrices get an update, see :func:`~sdg_lab.models.transformer.lora.add`; by default all of the
            blocks.
        validation: held-out conversations, measured after each epoch.
        seed: decides the first A and the order of conversations.
        progress: show a bar.
        recipe: see :class:`~sdg_lab.training.recipe.Recipe`. A ``checkpoint`` holds what is trained alone. The model
            that ``on_epoch`` gets is a :class:`LanguageModel`.

    Raises:
        TypeError: if ``lm`` is no language model, or a message no mapping of ``role`` and ``content`` to texts.
        ValueError: if there are no conversations, one has no answer, an empty one or more tokens than the context, the
            model has adapters already, an option is out of range, or alpha or targets are given for a full training.
    """
    data = tensors(lm, conversations)
    held_out = None if validation is None else tensors(lm, validation)
    if rank is None and (alpha is not None or targets is not None):
        raise ValueError("alpha and targets belong to low-rank updates; give a rank, or leave them out")
    tuning = Tuning(lm.network, rank, lora.ALPHA if alpha is None else alpha, targets, seed)

    def model(network: Transformer) -> LanguageModel:
        return LanguageModel(_packed_again(lm.network, network), lm.tokeniser, lm.metadata)

    if callable(hook := recipe.get("on_epoch")):  # what cannot be called, training refuses
        recipe = {**recipe, "on_epoch": _with_language_model(hook, model)}
    history, _ = recipes.run(tuning, data, held_out, recipe, seed=seed, progress=progress)
    return model(tuning.network.requires_grad_(False)), history


def tokens(lm: LanguageModel, conversation: Conversation) -> Tokens:
    """Return a conversation's tokens, and which of them count.

    Raises:
        TypeError, ValueError: as :func:`fine_tune`.
    """
    _check_lm(lm)
    end = lm.tokeniser.names["eos_token"]
    lm.prompt(conversation)  # refuses what is none
    ids: list[int] = []
    counted: list[bool] = []
    written = ""
    for turn, message in enumerate(conversation):
        if turn and message["role"] == "assistant":
            before, answer = lm.prompt(conversation[:turn]), message["content"]
            after = lm.prompt(conversation[: turn + 1])
            if not before.startswith(written) or not after.startswith(before + answer + end):
                raise ValueError(
                    f"this model's chat template does not write message {turn} between what comes before it and {end}: "
                    "what the assistant says cannot be told from the rest"
                )
            if not answer:
                raise ValueError(f"message {turn} says nothing; leave it out")
            read, said = lm.encode(before[len(written) :]), lm.encode(answer + end)
            ids += read + said
            counted += [False] * len(read) + [True] * len(said)
            written = before + answer + end
    if not ids:
        raise ValueError("it has no message of the assistant's after another's; there is nothing to learn from it")
    return Tokens(ids, counted)


def tensors(lm: LanguageModel, conversations: Sequence[Conversation]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return what :meth:`Tuning.loss` takes, for all conversations.

    Raises:
        TypeError, ValueError: as :func:`fine_tune`.
    """
    _check_lm(lm)
    conversations = several("conversations", conversations)
    if not conversations:
        raise ValueError("there are no conversations; give at least one")
    rows = []
    for index, conversation in enumerate(conversations):
        try:
            rows.append(tokens(lm, conversation))
        except (TypeError, ValueError) as error:
            raise type(error)(f"conversation {index}: {error}") from None
        if (length := len(rows[-1].ids)) > lm.context:
            raise ValueError(
                f"conversation {index} has {length:,} tokens, and this model's context holds {lm.context:,}; shorten it"
            )
    lengths = torch.tensor([len(row.ids) for row in rows])
    real = padding.mask_of(lengths, int(lengths.max()))
    ids, counted = torch.zeros(real.shape, dtype=torch.int64), torch.zeros_like(real)
    ids[real] = torch.tensor([number for row in rows for number in row.ids])
    counted[real] = torch.tensor([one for row in rows for one in row.counted])
    return ids, lengths, counted, padding.weights(counted.sum(dim=1))


def _check_lm(lm: Any) -> None:
    if not isinstance(lm, LanguageModel):
        raise TypeError(
            f"lm must be a LanguageModel, got {type(lm).__name__}; to adapt a student, give student.network to lora.add"
        )


class Tuning(nn.Module):
    """What the loop trains: a network that shares frozen weights with another, and a loss that counts answers.

    Args:
        network: trained; it stays as it is.
        rank, alpha, targets: of the low-rank updates; without a rank all weights are trained, in a copy.
        seed: of the updates.

    Attributes:
        network: the one that changes; no matrix of it is packed.
    """

    def __init__(
        self, network: Transformer, rank: int | None, alpha: float, targets: Collection[str] | None, seed: int
    ) -> None:
        super().__init__()
        if lora.layers(network):
            raise ValueError("this model has adapters already; merge them first: lora.merge(lm.network)")
        self.network = _unpacked(network)
        if rank is None:
            for weight in self.network.parameters():
                weight.data = weight.data.clone()
                weight.requires_grad_(True)
            self.adapted: list[str] = []
        else:
            self.adapted = lora.add(self.network, rank, alpha=alpha, targets=targets, seed=seed)
        self._said = {"rank": rank, "alpha": alpha, "adapted": self.adapted, "base": lora.base(network)}
        self._trained = {name for name, weight in self.named_parameters() if weight.requires_grad}
        self.register_state_dict_post_hook(_keep_trained)  # type: ignore[no-untyped-call] # torch's
        self.register_load_state_dict_post_hook(_miss_no_frozen)  # type: ignore[no-untyped-call] # torch's

    def config(self) -> dict[str, Any]:
        """Return what a run must have in common with the one that it takes up."""
        return self._said

    def loss(self, ids: Tensor, lengths: Tensor, counted: Tensor, weights: Tensor) -> Tensor:
        """Return the mean over conversations of their answers' nats, each times its weight.

        Args:
            ids: padded at the right, (n, T).
            lengths: tokens of each conversation, (n,).
            counted: which tokens are an answer's, bool (n, T).
            weights: of each conversation, (n,); all are 1 / (mean number of counted tokens).
        """
        width = int(lengths.max())  # what is padding in all rows of this batch is not computed
        answer = counted[:, 1:width]
        hidden = self.network.hidden(ids[:, : width - 1])[answer]  # logits of 49,152 tokens are wanted for these alone
        nats = F.cross_entropy(self.network.unembed(hidden), ids[:, 1:width][answer], reduction="none")
        return (nats * weights.repeat_interleave(answer.sum(dim=1))).sum() / len(ids)


# A state_dict holds what is trained alone, so that a checkpoint of a few adapters is as small as they are.


def _keep_trained(module: nn.Module, state: dict[str, Any], prefix: str, _: object) -> None:
    trained = cast(Tuning, module)._trained
    for name in [name for name in state if name.startswith(prefix) and name.removeprefix(prefix) not in trained]:
        del state[name]


def _miss_no_frozen(module: nn.Module, keys: Any) -> None:
    trained = cast(Tuning, module)._trained
    keys.missing_keys[:] = [name for name in keys.missing_keys if name in trained]


def _shared(module: nn.Module) -> Any:
    """Return a copy of a module that has the same numbers in memory, with parameters of its own."""
    twin = copy.copy(module)
    twin._parameters = {
        name: weight if weight is None else nn.Parameter(weight.data, requires_grad=weight.requires_grad)
        for name, weight in module._parameters.items()
    }
    twin._modules = {name: child if child is None else _shared(child) for name, child in module._modules.items()}
    return twin


def _unpacked(network: Transformer) -> Transformer:
    """Return a copy that shares the weights, and through which gradients flow: no layer multiplies packed."""
    twin: Transformer = _shared(network)
    if twin.config.tied:
        twin.head = None  # it was the embedding, packed
    for name, layer in list(twin.named_modules()):
        if isinstance(layer, PackedLinear):
            rows, columns = layer.weight.shape
            plain = nn.Linear(columns, rows, bias=False, device="meta")
            plain.weight = layer.weight
            twin.set_submodule(name, plain)
    return twin


def _packed_again(before: Transformer, tuned: Transformer) -> Transformer:
    """Return the tuned network for use: where adapters were trained, they stand beside the layers as they were."""
    adapted = lora.layers(tuned)
    if not adapted:
        return tuned.eval()
    network: Transformer = _shared(before)
    for name, layer in adapted.items():
        beside = _shared(layer)
        beside.base = network.get_submodule(name)
        network.set_submodule(name, beside)
    return network.requires_grad_(False).eval()


def _with_language_model(
    hook: Callable[[int, Any], None], model: Callable[[Transformer], LanguageModel]
) -> Callable[[int, Any], None]:
    """Return a hook that is given a language model in the place of what the loop trains."""

    def called(epoch: int, tuning: Tuning) -> None:
        hook(epoch, model(tuning.network))

    return called
