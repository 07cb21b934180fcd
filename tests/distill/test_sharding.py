"""A plan is read from YAML, and carried out in any number of shares to the same files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nasty_server import KEY, VARIABLE
from small_recipes.words import Words
from test_kill import files
from typer.testing import CliRunner

from sdg_lab import shards
from sdg_lab.cli import app as cli
from sdg_lab.distill import EmptyError, Options, registry, sharding
from sdg_lab.distill.journal import read
from sdg_lab.distill.plan import Plan
from sdg_lab.distill.server import ServerTeacher
from sdg_lab.distill.sharding import carry_out

SMALL = "small_recipes"


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(registry, "PACKAGE", SMALL)


@pytest.fixture
def written(tmp_path):
    """Write a plan and return its path."""

    def write(text, name="recipe.yaml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


def plan(nasty, **entries):
    teacher = {"address": nasty.url, "model": "small", "key_variable": VARIABLE, "timeout": 20}
    return Plan("words", **{"teacher": teacher, "parameters": {"last": 16}, "shards": 4} | entries)


class TestReading:
    def test_all_of_it_arrives(self, written, monkeypatch, tmp_path):
        path = written(
            "recipe: words\nparameters: {last: 9, options: {max_tokens: 7, stop: [end]}}\nseed: 3\nshards: 2\n"
            "teacher: {address: 'http://127.0.0.1:1/v1', model: m, concurrency: 2}\n"
            "budget: {tokens: 100}\nagainst: test.txt\nwords: 5\n"
        )
        written("one two\n\nthree\n", "test.txt")
        made = Plan.read(path)
        assert (made.seed, made.shards, made.words) == (3, 2, 5)
        assert made.test_texts() == ["one two", "three"]
        options = Options(max_tokens=7, stop=("end",))
        assert registry.make(made.recipe, made.parameters, SMALL) == Words(9, options=options)
        teacher = made.make_teacher()
        assert isinstance(teacher, ServerTeacher)
        assert (teacher.base_url, teacher.name, teacher.concurrency) == ("http://127.0.0.1:1/v1", "m", 2)

    def test_words_of_the_command_count_instead(self, written):
        path = written("recipe: words\nteacher: {model: m, concurrency: 2}\nbudget: {tokens: 100, requests: 3}\n")
        made = Plan.read(path, seed=7, teacher={"address": "http://host/v1"}, budget={"tokens": 5})
        assert made.seed == 7
        assert made.teacher == {"model": "m", "concurrency": 2, "address": "http://host/v1"}
        assert made.budget == {"tokens": 5, "requests": 3}
        assert Plan.read(written("recipe: words\nteacher: local")).teacher == {"address": "local"}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("recipe: word", r"recipe must be one of words, got 'word'; did you mean 'words'\?"),
            ("recipe: words\nsed: 1", r"says 'sed', which means nothing here; did you mean 'seed'\?"),
            ("recipe: words\nparameters: {lst: 1}", r"the recipe words has no parameter 'lst'; did you mean 'last'\?"),
            ("recipe: words\nparameters: {options: {temprature: 1}}", r"did you mean 'temperature'\?"),
            ("recipe: words\nparameters: {options: {temperature: -1}}", "temperature must be >= 0, got -1"),
            ("recipe: words\nparameters: [1]", r"parameters must be names with values, got \[1\]"),
            ("recipe: words\nbudget: {token: 1}", r"budget says 'token'.*did you mean 'tokens'\?"),
            ("recipe: words\nbudget: {tokens: 0}", "the budget's tokens must be a whole number >= 1"),
            (
                "recipe: words\nteacher: {address: 'http://h/v1', key: s}",
                r"teacher says 'key', which means nothing here",
            ),
            (
                "recipe: words\nteacher: {address: local, timeout: 3}",
                "teacher says 'timeout', which means nothing here",
            ),
            ("recipe: words\nshards: 0", "shards must be a whole number >= 1"),
            ("recipe: words\nseed: x", "seed must be a whole number"),
            ("- recipe", "must name a recipe, such as 'recipe: words'"),
            ("seed: 1", "must name a recipe"),
            ("recipe: [", "is no YAML"),
            ("recipe: !!python/object/apply:os.system ['touch /tmp/owned']", "is no YAML"),
        ],
    )
    def test_what_means_nothing_is_refused_by_name(self, written, text, said):
        with pytest.raises(ValueError, match=said):
            Plan.read(written(text))

    def test_a_file_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="is not there; name a YAML file"):
            Plan.read(tmp_path / "none.yaml")

    def test_a_server_needs_a_models_name(self, written):
        with pytest.raises(ValueError, match="name one: --model NAME"):
            Plan.read(written("recipe: words\nteacher: http://h/v1")).make_teacher()

    def test_recipes_of_the_package_are_found_by_their_files(self, monkeypatch):
        monkeypatch.undo()
        assert set(registry.names()) <= {path.stem for path in Path("sdg_lab/distill/recipes").glob("*.py")}


class TestShards:
    def test_any_shares_in_any_order_make_the_same_files(self, nasty, tmp_path):
        carry_out(plan(nasty), tmp_path / "a", progress=False)
        for index in (2, 0):
            now = carry_out(plan(nasty), tmp_path / "b", only=shards.Share(index, 3), progress=False)
            assert isinstance(now, shards.Status)
        result = carry_out(plan(nasty), tmp_path / "b", only=shards.Share(1, 3), progress=False)
        made = files(tmp_path / "a")
        assert made == files(tmp_path / "b")
        assert {"journal.jsonl", "README.md", "data/pair.parquet"} <= set(made)
        assert not (tmp_path / "b/work").exists()
        asked = len(nasty.seen)
        carry_out(plan(nasty), tmp_path / "b", progress=False)
        assert len(nasty.seen) == asked
        assert files(tmp_path / "b") == made
        assert result.spent.requests == sum(record.teacher != "" for record in read(tmp_path / "b/journal.jsonl"))

    def test_what_two_shards_made_alike_is_kept_once_and_its_children_fall(self, nasty, tmp_path):
        result = carry_out(plan(nasty), tmp_path, progress=False)
        questions = [record["question"][:5] for record in result.pool.of("question")]
        assert len(questions) == len(set(questions))
        assert result.funnel.kinds["topic"].proposed == len(result.pool.of("topic")) == 1
        question = result.funnel.kinds["question"]
        assert question.proposed == 16
        assert question.stages["repeats"].fell == 16 - len(questions)
        pairs = result.funnel.kinds["pair"]
        assert pairs.stages["parent"].fell == pairs.proposed - pairs.kept > 0
        assert {record.parents[0] for record in result.pool.of("pair")} <= {r.id for r in result.pool.of("question")}

    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_a_spent_budget_ends_the_run_and_a_larger_one_goes_on(self, nasty, tmp_path, seed):
        """What is there after each step is what one run with that budget makes, and nothing is asked twice."""
        for most in (10, 23, None):
            budget = {} if most is None else {"requests": most}
            before = len(nasty.seen)
            step = carry_out(plan(nasty, seed=seed, budget=budget), tmp_path / "steps", progress=False)
            after = len(nasty.seen)
            assert step.spent.requests == after <= (most or after)
            again = carry_out(plan(nasty, seed=seed, budget=budget), tmp_path / "steps", progress=False)
            assert len(nasty.seen) == after > before
            assert again.stopped == step.stopped
            carry_out(plan(nasty, seed=seed, budget=budget), tmp_path / str(most), progress=False)
            assert files(tmp_path / "steps") == files(tmp_path / str(most))
            assert len(nasty.seen) == 2 * after
            del nasty.seen[after:]
            card = (tmp_path / "steps/README.md").read_text("utf-8")
            assert bool(step.stopped) == ("**The run is not complete**" in card) == (most is not None)
        assert step.spent.requests > 23

    def test_what_is_said_of_a_spent_budget(self, nasty, tmp_path):
        """Shards 0 and 1 have 4 of 14 requests, shards 2 and 3 have 3; each wants 4 and one for each question kept."""
        result = carry_out(plan(nasty, budget={"requests": 14}), tmp_path, progress=False)
        assert result.stopped == (
            f"the budget holds no further request in 4 of 4 shards (0 to 3), each of which has an equal part of it; "
            f"spent: 14 of 14 requests and {result.spent.tokens} tokens"
        )
        assert sharding.spent(tmp_path / "shards") == [0, 1, 2, 3]

    def test_how_many_tokens_are_left_is_said_of_a_shard(self, nasty, tmp_path):
        said = (
            r"no finished record yet: the budget was spent before the first request \(the budget holds no further "
            r"request in 4 of 4 shards \(0 to 3\), each of which has an equal part of it \(in shard 0, 10 tokens are "
            r"left, and the next may need \d\d\); spent: 0 requests and 0 of 40 tokens\)"
        )
        with pytest.raises(EmptyError, match=said):
            carry_out(plan(nasty, budget={"tokens": 40}), tmp_path, progress=False)

    def test_one_spent_shard_leaves_the_others_alone(self, nasty, tmp_path):
        whole = carry_out(plan(nasty), tmp_path / "whole", progress=False)
        needs = [
            sum(r.teacher != "" for r in read(part)) for part in sorted((tmp_path / "whole/shards").glob("part-*"))
        ]
        budget = {"requests": 4 * (max(needs) - 1)}
        result = carry_out(plan(nasty, budget=budget), tmp_path / "part", progress=False)
        stopped = [shard for shard, needed in enumerate(needs) if needed == max(needs)]
        assert sharding.spent(tmp_path / "part/shards") == stopped
        assert 0 < len(stopped) < 4
        assert result.spent.requests == whole.spent.requests - len(stopped)

    def test_rounds_without_fruit_are_said_of_shards_too(self, nasty, tmp_path):
        nasty.writes = lambda asked, seed: "always the same"
        result = carry_out(plan(nasty, parameters={"last": 160}, shards=2), tmp_path, progress=False)
        assert result.stopped == ""
        result = carry_out(plan(nasty, parameters={"last": 240}, shards=2), tmp_path / "long", progress=False)
        assert result.stopped == "20 rounds in a row kept nothing in 2 of 2 shards (0, 1)"
        assert sharding.spent(tmp_path / "long/shards") == []

    def test_only_shards_of_the_own_share_go_on(self, nasty, tmp_path):
        carry_out(plan(nasty, budget={"requests": 8}), tmp_path / "a", progress=False)
        now = carry_out(plan(nasty), tmp_path / "a", only=shards.Share(1, 2), progress=False)
        assert sharding.spent(tmp_path / "a/shards") == [0, 2]
        assert "2 of 4 shards (0, 2)" in now.stopped
        carry_out(plan(nasty), tmp_path / "a", progress=False)
        carry_out(plan(nasty), tmp_path / "b", progress=False)
        assert files(tmp_path / "a") == files(tmp_path / "b")

    def test_a_part_that_was_made_further_elsewhere_takes_the_place_of_a_spent_one(self, nasty, tmp_path):
        for name, budget in (("a", {"requests": 8}), ("b", {})):
            carry_out(plan(nasty, budget=budget), tmp_path / name, progress=False)
        for part in (tmp_path / "b/shards").glob("part-*"):
            (tmp_path / "a/shards" / part.name).write_bytes(part.read_bytes())
        asked = len(nasty.seen)
        carry_out(plan(nasty), tmp_path / "a", progress=False)
        assert files(tmp_path / "a") == files(tmp_path / "b")
        assert len(nasty.seen) == asked

    def test_stopped_while_a_shard_is_taken_back_nothing_is_lost(self, nasty, tmp_path, monkeypatch):
        """The part is still there, and its journal is under way again."""
        carry_out(plan(nasty, budget={"requests": 12}), tmp_path / "a", progress=False)

        unlink = Path.unlink

        def stop(path, **options):
            if path.name.startswith("part-"):
                raise KeyboardInterrupt
            unlink(path, **options)

        monkeypatch.setattr(Path, "unlink", stop)
        with pytest.raises(KeyboardInterrupt):
            carry_out(plan(nasty), tmp_path / "a", progress=False)
        monkeypatch.setattr(Path, "unlink", unlink)
        carry_out(plan(nasty), tmp_path / "a", progress=False)
        asked = len(nasty.seen)
        carry_out(plan(nasty), tmp_path / "b", progress=False)
        assert files(tmp_path / "a") == files(tmp_path / "b")
        assert len(nasty.seen) == 2 * asked

    def test_another_run_in_the_folder_keeps_its_shards(self, nasty, tmp_path):
        carry_out(plan(nasty, budget={"requests": 8}), tmp_path, progress=False)
        made = files(tmp_path)
        with pytest.raises(ValueError, match="belongs to another run: its seed is 0, this one's 1"):
            carry_out(plan(nasty, seed=1), tmp_path, progress=False)
        assert files(tmp_path) == made

    @given(st.integers(1, 40), st.integers(0, 500))
    def test_the_parts_of_a_budget_are_the_whole(self, n, more):
        cut = Plan("words", parameters={"last": 16}, shards=n, budget={"tokens": n + more, "requests": None})
        parts = [cut.budget_of(shard).tokens for shard in range(n)]
        assert sum(parts) == n + more
        assert max(parts) - min(parts) <= 1
        assert cut.budget_of(0).requests is None

    def test_workers_share_what_may_be_sent_a_minute(self, nasty, tmp_path):
        teacher = {"address": nasty.url, "model": "small", "requests_per_minute": 2, "tokens_per_minute": None}
        with pytest.raises(ValueError, match="workers share the teacher's requests_per_minute, 2"):
            carry_out(plan(nasty, teacher=teacher), tmp_path, workers=3)
        assert not list(tmp_path.iterdir())

    @pytest.mark.slow  # Dask takes seconds to import
    def test_a_cluster_goes_on_where_the_budget_ended(self, nasty, tmp_path):
        distributed = pytest.importorskip("distributed")
        carry_out(plan(nasty), tmp_path / "a", progress=False)
        asked = len(nasty.seen)
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, host="127.0.0.1", protocol="tcp"
        )
        with cluster:
            for budget in ({"requests": 10}, {}):
                once = plan(nasty, budget=budget)
                carry_out(once, tmp_path / "b", dask=cluster.scheduler_address, progress=False)
        assert files(tmp_path / "a") == files(tmp_path / "b")
        assert len(nasty.seen) == 2 * asked

    @pytest.mark.slow  # Dask takes seconds to import
    def test_a_dask_cluster_makes_the_same_files(self, nasty, tmp_path):
        distributed = pytest.importorskip("distributed")
        carry_out(plan(nasty), tmp_path / "a", progress=False)
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None, host="127.0.0.1", protocol="tcp"
        )
        with cluster:
            carry_out(plan(nasty), tmp_path / "b", dask=cluster.scheduler_address, progress=False)
        assert files(tmp_path / "a") == files(tmp_path / "b")

    def test_one_shard_has_no_workers(self, nasty, tmp_path):
        with pytest.raises(ValueError, match="write 'shards: 16'"):
            carry_out(plan(nasty, shards=1), tmp_path, workers=2)

    def test_nothing_kept_in_all_shards_is_said(self, nasty, tmp_path):
        nasty.plan = lambda asked, seed: "content_filter"
        with pytest.raises(EmptyError, match=r"'teacher' took 16 \(no answer: the server filtered it"):
            carry_out(plan(nasty), tmp_path, progress=False)

    @pytest.mark.slow  # each process imports for seconds
    def test_processes_make_the_same_files(self, nasty, tmp_path):
        carry_out(plan(nasty), tmp_path / "a", progress=False)
        here = Path(__file__)
        script = f"""
import sys
from sdg_lab.distill import plan, sharding
if __name__ == "__main__":
    made = plan.Plan.read(sys.argv[1], package={SMALL!r})
    sharding.carry_out(made, sys.argv[2], workers=2, progress=False)
"""
        (tmp_path / "go.py").write_text(script)
        (tmp_path / "r.yaml").write_text(
            f"recipe: words\nparameters: {{last: 16}}\nshards: 4\n"
            f"teacher: {{address: '{nasty.url}', model: small, key_variable: {VARIABLE}, timeout: 20}}\n"
        )
        path = os.pathsep.join([str(here.parents[2]), str(here.parent)])
        done = subprocess.run(
            [sys.executable, tmp_path / "go.py", tmp_path / "r.yaml", tmp_path / "b"],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert files(tmp_path / "a") == files(tmp_path / "b")
        assert KEY not in done.stdout + done.stderr


class TestCommand:
    @pytest.fixture
    def invoke(self, nasty, tmp_path, written, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        path = written("recipe: words\nparameters: {last: 12}\n")

        def call(*words, teacher=nasty.url):
            options = ["-o", str(tmp_path / "out"), "--teacher", teacher, "--model", "small", "--no-progress"]
            return CliRunner().invoke(cli.app, ["distill", str(path), *options, *words])

        return call

    def test_it_makes_the_data_set_and_says_what_became_of_it(self, nasty, invoke, tmp_path):
        nasty.script = ["503", "no json"]
        result = invoke()
        assert result.exit_code == 0, result.output
        for said in ("question: ", "fell", "the server failed 1 time: HTTP 503", "requests and", "README.md"):
            assert said in result.output
        assert (tmp_path / "out/data/pair.parquet").is_file()
        assert KEY not in result.output
        assert not any(KEY.encode() in path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())

    def test_a_budget_ends_it_cleanly_and_it_goes_on(self, invoke, tmp_path):
        stopped = invoke("--budget-requests", "7")
        assert stopped.exit_code == 0
        assert "stopped: the budget holds no further request; spent: 7 of 7 requests" in stopped.output
        invoke()
        whole = (tmp_path / "out/journal.jsonl").read_bytes()
        (tmp_path / "out/journal.jsonl").unlink()
        invoke()
        assert (tmp_path / "out/journal.jsonl").read_bytes() == whole

    def test_an_empty_result_says_which_filter_took_all(self, nasty, invoke):
        nasty.plan = lambda asked, seed: "content_filter"
        result = invoke()
        assert result.exit_code == 1
        assert "✗ the run kept nothing: 0 of 12 of kind 'question' were kept; 'teacher' took 12" in result.stderr

    def test_a_server_that_is_down_is_named_without_a_traceback(self, invoke, monkeypatch):
        monkeypatch.setattr("sdg_lab.distill.server.FIRST_PAUSE", 0.001)
        result = invoke(teacher="http://127.0.0.1:9/v1")
        assert result.exit_code == 1
        assert "is a server running at http://127.0.0.1:9/v1? Start it, or name another address" in result.stderr
        assert "Traceback" not in result.output

    def test_a_share_is_said(self, nasty, written, tmp_path):
        path = written("recipe: words\nparameters: {last: 12}\nshards: 4\n", "cut.yaml")
        words = [
            "distill",
            str(path),
            "-o",
            str(tmp_path / "o"),
            "--teacher",
            nasty.url,
            "--model",
            "m",
            "--no-progress",
        ]
        result = CliRunner().invoke(cli.app, [*words, "--shard", "1/2"])
        assert result.exit_code == 0, result.output
        assert result.output.startswith("2 of 4 shards are finished, 2 missing (0, 2).")
        assert CliRunner().invoke(cli.app, [*words, "--shard", "2/2"]).exit_code == 2
        spent = CliRunner().invoke(cli.app, [*words, "--shard", "0/4", "--budget-requests", "8"])
        assert spent.exit_code == 0
        assert "In 1 of these (0) the budget holds no further request" in spent.output
        assert "16 records" not in CliRunner().invoke(cli.app, words).output
        assert (tmp_path / "o/README.md").is_file()
