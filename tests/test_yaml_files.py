"""YAML is read as it looks, and what would surprise is refused with its line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab import yaml_files

TEXTS = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=40)
ATOMS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(
    ATOMS.filter(lambda value: value not in (float("inf"), -float("inf"))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("yaml") / "r.yaml"


@given(VALUES)
def test_json_is_yaml(path, value):
    """The core schema of YAML 1.2 reads JSON as JSON does (section 10.2 and 10.3)."""
    for indent in (None, 2):
        text = json.dumps(value, ensure_ascii=False, indent=indent)
        path.write_text(text, encoding="utf-8")
        assert yaml_files.read(path) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("2024-05-01", "2024-05-01"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("-.inf", -float("inf")),
        ("true", True),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_a_value_is_what_it_looks_like(path, text, value):
    path.write_text(f"a: {text}\n")
    found = yaml_files.read(path)["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [1]\nb: *x", r", line 2: the alias \*x is not followed; write out what it stands for"),
        ("a: 1\nb: 2\na: 3", ", line 3: 'a' stands there twice"),
        ("b: {c: 1, c: 2}", ", line 1: 'c' stands there twice"),
        ("a: 1\n2: b", ", line 2: the key 2 is no text; put quotation marks around it"),
        ("null: b", ", line 1: the key None is no text"),
        ("? [a]\n: 1", "line 1: the key .* is no text"),
        ("a: !!python/object/apply:os.system ['x']", "line 1: the tag 'python/object/apply:os.system' means nothing"),
        ("a: !!binary aGk=", "line 1: the tag 'binary' means nothing here; leave it out"),
        ("!!map [1]", "the tag 'map' means nothing"),
        ("[" * 10_000, "line 1: lists in lists, 32 deep; take fewer"),
        ("{a: " * 3_000, "line 1: lists in lists, 32 deep"),
        ("- " * 3_000, "line 1: lists in lists, 32 deep"),
        ("a: 1\n---\nb: 2", "line 2: expected a single document"),
        ("a: " + "9" * 5_000, "is no YAML that is read here: Exceeds the limit"),
        ("a: 'x", "line 1: .*unexpected end"),
        ("a: \x00", "special characters are not allowed"),
        (b"a: \xff", "can't decode byte 0xff"),
        ("a: " + "x" * 2**18, "has more than 262,144 bytes; put long lists into files of their own"),
    ],
)
def test_what_would_surprise_is_refused_with_its_line(path, text, said):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=said) as raised:
        yaml_files.read(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_billion_laughs_are_refused_at_once(path):
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=r"line 2: the alias \*a0 is not followed"):
        yaml_files.read(path)


def test_what_is_no_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"x\.yaml is not there; name a YAML file"):
        yaml_files.read(tmp_path / "x.yaml")
    with pytest.raises(FileNotFoundError, match="is a folder; name a YAML file"):
        yaml_files.read(tmp_path)
