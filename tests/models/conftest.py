"""A tiny language model in a GGUF file, written by the format's own library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from sdg_lab.models.language_model.tokeniser import BYTES

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
MERGES = ("t h", "th e", "Ġ the", "Ġ a", "Ġ Ġ", "i n")
VOCABULARY = [*SPECIAL, *sorted(BYTES), *(merge.replace(" ", "") for merge in MERGES)]
VOCABULARY += [f"unused{place}" for place in range(320 - len(VOCABULARY))]  # a multiple of 64, to be packed
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
METADATA: dict[str, Any] = {
    "llama.block_count": 2,
    "llama.context_length": 48,
    "llama.embedding_length": 64,
    "llama.feed_forward_length": 96,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.rope.freq_base": 1000.0,
    "llama.rope.dimension_count": 16,
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": VOCABULARY,
    "tokenizer.ggml.token_type": [3] * len(SPECIAL) + [1] * (len(VOCABULARY) - len(SPECIAL)),
    "tokenizer.ggml.merges": list(MERGES),
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.chat_template": TEMPLATE,
}
BLOCK = {
    "attn_norm": (64,),
    "attn_q": (64, 64),
    "attn_k": (32, 64),
    "attn_v": (32, 64),
    "attn_output": (64, 64),
    "ffn_norm": (64,),
    "ffn_gate": (96, 64),
    "ffn_up": (96, 64),
    "ffn_down": (64, 96),
}


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """Draw the weights of the tiny model, by their names in a file."""
    rng = np.random.default_rng(seed)
    shapes = {f"blk.{layer}.{name}.weight": shape for layer in range(2) for name, shape in BLOCK.items()}
    shapes |= {"token_embd.weight": (len(VOCABULARY), 64), "output_norm.weight": (64,)}
    return {name: rng.normal(size=shape).astype(np.float32) * 0.3 for name, shape in shapes.items()}


WriteGGUF = Callable[..., Path]


@pytest.fixture(scope="session")
def write_gguf(tmp_path_factory: pytest.TempPathFactory) -> WriteGGUF:
    def write(
        *,
        metadata: Mapping[str, Any] | None = None,
        change: Mapping[str, np.ndarray | None] | None = None,
        architecture: str = "llama",
        packed: bool = True,
    ) -> Path:
        """Write the tiny model with entries and tensors changed; None leaves one out."""
        path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
        writer = gguf.GGUFWriter(path, architecture)
        for key, value in {**METADATA, **(metadata or {})}.items():
            match value:
                case None:
                    continue
                case bool():
                    writer.add_bool(key, value)
                case int():
                    writer.add_uint32(key, value)
                case float():
                    writer.add_float32(key, value)
                case str():
                    writer.add_string(key, value)
                case list():
                    writer.add_array(key, value)
        for name, weight in {**tensors(), **(change or {})}.items():
            if weight is None:
                continue
            if weight.ndim == 1 or not packed:
                writer.add_tensor(name, weight)
                continue
            kind = gguf.GGMLQuantizationType.Q8_0 if name == "token_embd.weight" else gguf.GGMLQuantizationType.Q4_1
            writer.add_tensor(name, gguf.quantize(weight, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        return path

    return write
