"""A table in, a synthetic one out: the same columns and kinds, no key copied, the same bytes for the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.trees import Trees
from sdg_lab.synth import Synthesizer, families, find_types, synthesizer
from sdg_lab.synth.choice import Choice, Trial


def people(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    day = pd.Timestamp("2021-01-01", tz="Europe/Berlin")
    return pd.DataFrame(
        {
            "customer_id": np.arange(5_000, 5_000 + n),
            "age": age,
            "income": np.where(rng.random(n) < 0.1, np.nan, (rng.lognormal(10, 0.4, n) * (1 + age / 60)).round(2)),
            "town": pd.Categorical(rng.choice(["Köln", "Bonn", "Aachen"], n), ["Bonn", "Köln", "Aachen", "Trier"]),
            "smokes": rng.random(n) < age / 200,
            "since": pd.Series([day + pd.DateOffset(days=int(k)) for k in rng.integers(0, 900, n)]),
            "country": "DE",
            "patient": rng.integers(0, 60, n),
        }
    )


@pytest.fixture(scope="module")
def fitted() -> Synthesizer:
    return Synthesizer("trees").fit(people(), progress=False)


def test_the_columns_come_back_as_they_were(fitted: Synthesizer) -> None:
    table, made = people(), fitted.sample(seed=0)
    assert list(made.columns) == list(table.columns)
    assert made.dtypes.equals(table.dtypes)
    assert len(made) == len(table)
    assert list(made["town"].cat.categories) == ["Bonn", "Köln", "Aachen", "Trier"]
    assert set(made["country"]) == {"DE"}
    assert made["income"].isna().mean() == pytest.approx(0.1, abs=0.06)
    assert (made["since"].dt.hour == 0).all()


def test_keys_are_made_anew_and_unique(fitted: Synthesizer) -> None:
    keys = fitted.sample(2_000, seed=1)["customer_id"]
    assert keys.is_unique
    assert not set(keys) & set(people()["customer_id"])


def test_a_seed_says_all_and_none_says_nothing(fitted: Synthesizer) -> None:
    assert fitted.sample(50, seed=3).equals(fitted.sample(50, seed=3))
    assert not fitted.sample(50, seed=3).equals(fitted.sample(50, seed=4))
    assert not fitted.sample(50).equals(fitted.sample(50))
    again = Synthesizer("trees").fit(people(), progress=False)
    assert again.sample(50, seed=3).equals(fitted.sample(50, seed=3))


def test_polars_and_arrow_get_their_own_kind() -> None:
    table = people(120).drop(columns="since")
    for data in (pl.from_pandas(table), pa.Table.from_pandas(table)):
        made = Synthesizer("copula").fit(data, progress=False).sample(30, seed=0)
        assert type(made) is type(data)
        assert made.schema == data.schema if isinstance(data, pl.DataFrame) else made.schema.equals(data.schema)


def test_it_is_saved_without_rows_and_comes_back(fitted: Synthesizer, tmp_path: Path) -> None:
    path = tmp_path / "people.safetensors"
    fitted.save(path)
    again = Synthesizer.load(path)
    assert again.sample(70, seed=5).equals(fitted.sample(70, seed=5))
    assert str(5_001) not in path.read_bytes()[:20_000].decode("latin-1")  # no key stands in the header
    with pytest.raises(NotFittedError, match=r"report\(data\)"):
        again.report(progress=False)
    with pytest.raises(ValueError, match="of 400 rows; got 399"):
        again.report(people().iloc[1:], progress=False)
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        Synthesizer.load(path)


@pytest.mark.parametrize("model", ["trees", "boosted", "bayesnet", "copula"])
def test_each_family_is_saved_and_comes_back(model: str, tmp_path: Path) -> None:
    table = people(150)[["age", "town", "smokes"]]
    made = Synthesizer(model).fit(table, progress=False)
    made.save(tmp_path / "model")
    assert Synthesizer.load(tmp_path / "model").sample(20, seed=1).equals(made.sample(20, seed=1))


def test_blocks_are_drawn_whatever_comes_before(fitted: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesizer, "BLOCK", 100)
    whole = fitted.sample(250, seed=2)
    assert fitted.block(1, 250, seed=2).equals(whole.iloc[100:200].reset_index(drop=True))
    assert whole["customer_id"].is_unique


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_what_is_written_is_what_is_drawn(
    fitted: Synthesizer, ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sdg_lab.synth import read_sheet

    monkeypatch.setattr(synthesizer, "BLOCK", 100)
    path = fitted.sample_to(tmp_path / f"made.{ending}", 250, seed=2, progress=False)
    again = read_sheet(path).table
    drawn = fitted.sample(250, seed=2)
    assert again["age"].tolist() == drawn["age"].tolist()
    assert again["town"].astype(str).tolist() == drawn["town"].astype(str).tolist()
    kept = fitted.sample_to(tmp_path / f"again.{ending}", 250, seed=2, folder=tmp_path / "run", progress=False)
    assert kept.read_bytes() == path.read_bytes()


def test_a_stopped_draw_goes_on(fitted: Synthesizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesizer, "BLOCK", 50)
    wanted = fitted.sample_to(tmp_path / "wanted.csv", 250, seed=2, progress=False).read_bytes()
    drawn: list[int] = []
    draw = synthesizer._drawn

    def stopping(fitted: Any, number: int, n: int, seed: int) -> pd.DataFrame:
        if len(drawn) == 3:
            drawn.append(-1)
            raise KeyboardInterrupt
        drawn.append(number)
        return draw(fitted, number, n, seed)

    monkeypatch.setattr(synthesizer, "_drawn", stopping)
    place = {"folder": tmp_path / "run", "seed": 2, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        fitted.sample_to(tmp_path / "made.csv", 250, **place)
    assert not (tmp_path / "made.csv").exists()
    assert fitted.sample_to(tmp_path / "made.csv", 250, **place).read_bytes() == wanted
    assert drawn == [0, 1, 2, -1, 3, 4]  # what was there was not drawn again


@pytest.mark.slow
@pytest.mark.parametrize("model", ["trees", "boosted", "copula"])
def test_processes_draw_the_same_bytes(model: str, tmp_path: Path) -> None:
    made = Synthesizer(model).fit(people(200), progress=False)
    rows = 2 * synthesizer.BLOCK + 100
    files = [
        made.sample_to(tmp_path / f"{workers}.parquet", rows, seed=1, folder=tmp_path / f"{workers}", **options)
        for workers, options in ((1, {}), (2, {"workers": 2, "progress": False}))
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_workers_need_a_folder(fitted: Synthesizer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give one, such as folder='blocks'"):
        fitted.sample_to(tmp_path / "made.csv", 10, workers=2, progress=False)
    assert not list(tmp_path.iterdir())


def test_held_out_rows_are_never_learnt_and_groups_stay_together() -> None:
    table = people()
    maker = Synthesizer("copula", group="patient")
    parts = maker.rows_of(table, seed=0)
    assert sorted([*parts.train, *parts.held_out]) == list(range(len(table)))
    patients = table["patient"]
    assert not set(patients.iloc[parts.train]) & set(patients.iloc[parts.held_out])
    alone = Synthesizer("copula").rows_of(table, seed=0)
    assert len(alone.held_out) == 80
    marked = table.assign(age=np.where(np.isin(np.arange(400), alone.held_out), 200, table["age"]))
    made = Synthesizer("copula").fit(marked, types=find_types(marked), progress=False).sample(2_000, seed=0)
    assert made["age"].max() < 100


def test_columns_of_hardly_two_values_hinder_no_comparison() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=60).round(2), "group": rng.choice(list("abc"), 60), "sick": 0})
    train = Synthesizer().rows_of(table, seed=0).train
    table.loc[train[0], "sick"] = 1
    maker = Synthesizer().fit(table, progress=False)
    assert not all(trial.failed for trial in maker.choice.trials)
    assert list(maker.sample(20, seed=0)) == ["x", "group", "sick"]
    with pytest.raises(ValueError, match="this table: hardly a row differs from the others"):
        Synthesizer().fit(table[["sick"]], progress=False)


def test_a_candidate_that_failed_hinders_nothing(tmp_path: Path) -> None:
    choice = Choice("copula", {}, "the others failed", (Trial("trees", {}, failed="no"),))
    maker = Synthesizer().fit(people(60), choice=choice, progress=False)
    maker.sample_to(tmp_path / "a.csv", 10, seed=0, folder=tmp_path / "parts", progress=False)
    assert len(pd.read_csv(tmp_path / "a.csv")) == 10


def test_a_group_is_made_anew() -> None:
    table = people().assign(patient=lambda frame: 100 + frame["patient"])
    made = Synthesizer("copula", group="patient").fit(table, progress=False).sample(seed=0)
    assert not set(made["patient"]) & set(table["patient"])
    with pytest.raises(ValueError, match="at least 3 groups of 'country'"):
        Synthesizer("copula", group="country").fit(table, progress=False)


def test_rare_categories_are_merged_where_that_is_asked() -> None:
    table = people()
    table["town"] = table["town"].astype(str)
    table.loc[table.index[:3], "town"] = "Hintertupfing"
    made = Synthesizer("trees", min_count=10).fit(table, progress=False).sample(2_000, seed=0)
    assert "Hintertupfing" not in set(made["town"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model": "forest"}, "model must be one of auto, trees"),
        ({"model": "auto", "leaf": 3}, "options belong to a family"),
        ({"model": "trees", "leaves": 3}, "leaves"),
        ({"min_count": 0}, "min_count must be a whole number >= 1"),
        ({"held_out": 0.9}, "held_out must be"),
    ],
)
def test_arguments_are_refused_in_a_sentence(arguments: dict[str, object], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        Synthesizer(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (pd.DataFrame({"a": []}), "empty"),
        (pd.DataFrame({"a": [1.0] * 9, "b": ["x"] * 9}), "at least 10 rows"),
        (pd.DataFrame({"a": [1, 2] * 20, "b": [np.inf, 1] * 20}), "infinite"),
        (pd.DataFrame([[1, 2]] * 20, columns=["a", "a"]), "2 columns 'a'"),
        (pd.DataFrame({"a": ["x"] * 30}), "nothing to learn|no column"),
    ],
)
def test_tables_are_refused_in_a_sentence(table: pd.DataFrame, says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=says):
        Synthesizer("trees").fit(table, progress=False)


def test_a_model_that_only_copies_is_refused_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    class Copier(Trees):
        def fit(self, data: Any, y: Any = None, *, seed: int = 0, progress: bool = True) -> Any:
            self.rows = data
            return super().fit(data, seed=seed, progress=progress)

        def sample(self, n: int, *, seed: int | None = None) -> pd.DataFrame:
            return self.rows.sample(n, replace=True, random_state=seed, ignore_index=True)

    monkeypatch.setattr(families, "_class", lambda _: Copier)
    with pytest.raises(ValueError, match="nearly every row that trees draws is a row of the table"):
        Synthesizer("trees").fit(people(), progress=False)


def test_before_fit_there_is_nothing() -> None:
    with pytest.raises(NotFittedError, match="has not been fitted"):
        Synthesizer().sample(3)
    with pytest.raises(NotFittedError, match="has not been fitted"):
        Synthesizer().save("nowhere")


def test_a_refused_fit_leaves_what_was_learnt(fitted: Synthesizer) -> None:
    before = fitted.sample(10, seed=0)
    with pytest.raises(ValueError, match="infinite"):
        fitted.fit(pd.DataFrame({"a": [np.inf, 1.0] * 20, "b": list("xy") * 20}), progress=False)
    assert fitted.sample(10, seed=0).equals(before)


@pytest.mark.parametrize("model", ["trees", "boosted"])
def test_rare_amounts_beside_many_zeros_stay(model: str) -> None:
    rng = np.random.default_rng(1)
    gain = np.where(rng.random(3_000) < 0.95, 0, rng.integers(1_000, 10**7, 3_000))
    table = pd.DataFrame({"x": rng.normal(size=3_000), "y": rng.choice(list("abc"), 3_000), "gain": gain})
    made = Synthesizer(model).fit(table, seed=1, progress=False).sample(seed=0)
    assert (made["gain"] > 0).mean() == pytest.approx((gain > 0).mean(), abs=0.02)  # five deviations of the share
    assert made["gain"].max() > 10**6
