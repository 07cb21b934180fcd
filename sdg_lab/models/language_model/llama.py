"""Make a :class:`Transformer` of the weights in a GGUF file of the Llama family, such as SmolLM2.

The file's names and this course's differ, and so does the cut: the file keeps queries, keys and values apart, and the
two halves of SwiGLU, where the Transformer multiplies once by a larger matrix. Everything is looked up and compared
with the sizes in the metadata before the first weight is unpacked.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sdg_lab.models.language_model.gguf import REMEDY, GGUFFile
from sdg_lab.models.language_model.packed import PackedLinear, can_pack
from sdg_lab.models.transformer import Transformer

ARCHITECTURE = "llama"

_OF_A_BLOCK = {
    "attention_norm.weight": ("attn_norm",),
    "attention.qkv.weight": ("attn_q", "attn_k", "attn_v"),
    "attention.out.weight": ("attn_output",),
    "feed_forward_norm.weight": ("ffn_norm",),
    "feed_forward.gate_up.weight": ("ffn_gate", "ffn_up"),
    "feed_forward.down.weight": ("ffn_down",),
}
"""Which tensors of the file stand one under the other in a parameter of a block."""


def read_transformer(file: GGUFFile, *, packed: bool = True) -> Transformer:
    """Return the network with the file's weights, float32, for evaluation only.

    Args:
        file: of the Llama family.
        packed: also keep the matrices packed, where their kind is known, and multiply up to
            :data:`~sdg_lab.models.language_model.packed.MAX_ROWS` rows at once by them; see ``packed``.

    Raises:
        ValueError: if the file holds another kind of model, or anything is missing, too much, or of a wrong size.
    """
    options = arguments(file)
    sources = parameter_sources(file, options)
    with torch.device("meta"):  # the sizes without the memory: the weights come from the file
        network = Transformer(**options)
    wanted = {name: tuple(weight.shape) for name, weight in network.state_dict().items()}
    for name, shape in wanted.items():
        for source, part in zip(sources[name], _shapes(name, shape, options), strict=True):
            file.tensor(source, part)
    _check_nothing_is_left(file, {source for parts in sources.values() for source in parts})
    weights: dict[str, Tensor] = {}
    for name, shape in wanted.items():
        parts = [file.unpack(*part) for part in zip(sources[name], _shapes(name, shape, options), strict=True)]
        weights[name] = parts[0] if len(parts) == 1 else torch.cat(parts)
    network.load_state_dict(weights, assign=True)
    if packed:
        _pack(network, file, sources)
    return network.requires_grad_(False).eval()


def arguments(file: GGUFFile) -> dict[str, Any]:
    """Return the arguments of :class:`Transformer` that the file's metadata say.

    Raises:
        ValueError: if the file holds another kind of model, or an entry is missing or impossible.
    """
    architecture = file.value("general.architecture", str)
    if architecture != ARCHITECTURE:
        raise ValueError(
            f"{file.path} holds a model of the architecture {architecture!r}; only {ARCHITECTURE!r} can be read: "
            "give a file of that family, such as SmolLM2's"
        )

    def entry(name: str, kind: type = int) -> Any:
        return file.value(f"{ARCHITECTURE}.{name}", kind)

    options = {
        "symbols": len(file.value("tokenizer.ggml.tokens", list)),
        "d_model": entry("embedding_length"),
        "n_layers": entry("block_count"),
        "n_heads": entry("attention.head_count"),
        "n_kv_heads": entry("attention.head_count_kv"),
        "context": entry("context_length"),
        "d_ff": entry("feed_forward_length"),
        "positions": "rotary",
        "norm": "rms",
        "feed_forward": "swiglu",
        "tied": "output.weight" not in file.tensors,
        "rope_base": entry("rope.freq_base", float),
        "rope_pairs": "neighbours",
        "norm_eps": entry("attention.layer_norm_rms_epsilon", float),
    }
    # A damaged size may be astronomical: nothing is made of it before the tensors agree.
    file.tensor("token_embd.weight", (options["symbols"], options["d_model"]))
    file.tensor(f"blk.{options['n_layers'] - 1}.ffn_gate.weight", (options["d_ff"], options["d_model"]))
    try:
        with torch.device("meta"):
            Transformer(**{**options, "n_layers": min(options["n_layers"], 1)})  # it checks them
    except ValueError as error:
        raise ValueError(f"{file.path}: the entries of its metadata do not fit: {error}; {REMEDY}") from None
    d_head = options["d_model"] // options["n_heads"]
    for name in ("rope.dimension_count", "attention.key_length", "attention.value_length"):
        if file.metadata.get(f"{ARCHITECTURE}.{name}", d_head) != d_head:
            raise ValueError(
                f"{file.path}: {ARCHITECTURE}.{name} is {entry(name)}, and a head has {d_head} numbers; "
                "such a model cannot be read: give another file"
            )
    scaled = [key for key in file.metadata if key.startswith(f"{ARCHITECTURE}.rope.scaling.")]
    if scaled:
        raise ValueError(f"{file.path} stretches its positions ({scaled[0]}), which is not known here; give another")
    return options


def parameter_sources(file: GGUFFile, options: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return which tensors of the file make each parameter, by the parameter's name."""
    sources: dict[str, tuple[str, ...]] = {
        "token_embedding.weight": ("token_embd.weight",),
        "norm.weight": ("output_norm.weight",),
    }
    if not options["tied"]:
        sources["head.weight"] = ("output.weight",)
    for layer in range(options["n_layers"]):
        for name, parts in _OF_A_BLOCK.items():
            sources[f"blocks.{layer}.{name}"] = tuple(f"blk.{layer}.{part}.weight" for part in parts)
    return sources


def _pack(network: Transformer, file: GGUFFile, sources: dict[str, tuple[str, ...]]) -> None:
    """Put a packed layer in the place of every matrix, the embedding as the last one included."""
    matrices = {name: weight for name, weight in network.named_parameters() if weight.ndim == 2}
    if network.head is None:
        sources = {**sources, "head.weight": sources["token_embedding.weight"]}
        matrices["head.weight"] = matrices["token_embedding.weight"]
    del matrices["token_embedding.weight"]  # as an embedding it is looked up, not multiplied
    for name, weight in matrices.items():
        parts = [file.tensors[source] for source in sources[name]]
        if can_pack(parts):
            owner, _, layer = name.removesuffix(".weight").rpartition(".")
            setattr(network.get_submodule(owner), layer, PackedLinear(weight.data, parts))


def _shapes(name: str, shape: tuple[int, ...], options: dict[str, Any]) -> list[tuple[int, ...]]:
    """Return the shapes of the parts that stand one under the other in a parameter."""
    if name.endswith("gate_up.weight"):
        return [(options["d_ff"], options["d_model"])] * 2
    if name.endswith("qkv.weight"):
        d_head = options["d_model"] // options["n_heads"]
        rows = (options["n_heads"], options["n_kv_heads"], options["n_kv_heads"])
        return [(heads * d_head, options["d_model"]) for heads in rows]
    return [shape]


def _check_nothing_is_left(file: GGUFFile, used: set[str]) -> None:
    left = sorted(set(file.tensors) - used)
    if left:
        raise ValueError(
            f"{file.path} has {len(left)} tensors that a Llama has no place for, such as {left[0]}: it is a variant "
            "that cannot be read; give another file"
        )
