"""``sdg-lab distill`` as people use it: any input ends in data or in a sentence, and a chat behind a server teaches."""

import hashlib
import json
import re
import textwrap
from pathlib import Path

import pytest
from nasty_server import KEY, VARIABLE
from small_recipes.words import Words
from test_kill import files
from typer.testing import CliRunner

from sdg_lab.cli import app as cli
from sdg_lab.distill import plan, registry
from sdg_lab.distill.pipeline import check_teacher
from sdg_lab.distill.recipes import verified
from sdg_lab.distill.recipes.lab import Lab
from sdg_lab.distill.recipes.labels import Labels
from sdg_lab.distill.recipes.qa import Document, KnowledgeQA
from sdg_lab.distill.recipes.self_instruct import SelfInstruct
from sdg_lab.distill.server import ServerTeacher
from sdg_lab.distill.world.sums import Sum

SMALL = "recipe: words\nparameters: {last: 6}\n"
CUT = f"{SMALL}shards: 2\n"


@pytest.fixture
def distill(nasty, tmp_path, monkeypatch):
    """Write a recipe, and start the command with it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("sdg_lab.distill.server.FIRST_PAUSE", 0.001)

    def start(text, *words, out="out"):
        path = tmp_path / "recipe.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        options = ["-o", str(tmp_path / out), "--no-progress", "--teacher", nasty.url, "--model", "m"]
        return CliRunner().invoke(cli.app, ["distill", str(path), *options, *words])

    return start


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(registry, "PACKAGE", "small_recipes")


@pytest.mark.usefixtures("small")
class TestNastyInputs:
    @pytest.mark.parametrize(
        ("text", "words", "said"),
        [
            ("", (), "must name a recipe"),
            (b"\xff\xfe", (), "is no YAML that is read here"),
            ("recipe: [words]", (), "recipe must be one of words, got ['words']"),
            (f"{SMALL}recipe: words", (), "line 3: 'recipe' stands there twice"),
            ("a: &a [x]\nrecipe: *a", (), "line 2: the alias *a is not followed"),
            ("recipe: words\nparameters:\n", (), "parameters must be names with values, got None"),
            ("recipe: words\nparameters: {last: .nan}", (), "last must be a whole number, got nan"),
            (f"{SMALL}teacher: [1]", (), "teacher must be names with values, got [1]"),
            (f"{SMALL}teacher: {{timeout: x}}", (), "timeout must be > 0, got 'x'"),
            (f"{SMALL}teacher: {{extra: 3}}", (), "extra must be names with values, got 3"),
            (f"{SMALL}teacher: {{licence: null}}", (), "licence of the teacher must be a text, got None"),
            (f"{SMALL}budget: {{tokens: .nan}}", (), "the budget's tokens must be a whole number >= 1, got nan"),
            (f"{SMALL}seed: 1.5", (), "seed must be a whole number"),
            (SMALL, ("--seed", "99999999999999999999"), "seed must be a whole number"),
            (f"{SMALL}shards: -1", (), "shards must be a whole number >= 1"),
            (f"{SMALL}against: none.txt", (), "there is no file "),
            (f"{SMALL}against: .", (), "is a folder; name a file"),
            (f"{SMALL}against: blank.txt", (), "blank.txt to compare with: no line has a word in it"),
            (f"{SMALL}against: 3", (), "against must be the path of a file, got 3"),
            (SMALL, ("--shard", "0/2"), "write 'shards: 16'"),
            (SMALL, ("--workers", "2"), "write 'shards: 16'"),
            (CUT, ("--shard", "3/2"), "the shares of 2 are 0/2 to 1/2, got '3/2'"),
            (CUT, ("--shard", "x"), "--shard must be i/n, such as 0/10"),
            (CUT, ("--budget-requests", "1"), "a budget of 1 requests cannot be divided among 2 shards"),
            (
                f"{CUT}teacher: {{requests_per_minute: 1}}",
                ("--workers", "2"),
                "requests_per_minute, 1, so there can be",
            ),
            (SMALL, ("--teacher", "nonsense"), "base_url must be an address"),
            (SMALL, ("-o", "/dev/null"), "/dev/null is there already, and is no folder"),
            (SMALL, ("-o", "/dev/null/deep"), "is no folder, or lies below a file"),
            (SMALL, ("-o", "x" * 300), "has a longer name than the disk allows"),
        ],
    )
    def test_a_sentence_and_status_2_and_nothing_asked(self, distill, nasty, tmp_path, text, words, said):
        (tmp_path / "blank.txt").write_text("\n--\n")
        result = distill(text, *words)
        assert said in result.stderr.replace("\n", " ")
        assert result.exit_code == 2
        assert result.stderr.startswith("✗ ")
        assert "Errno" not in result.output
        assert not nasty.seen

    @pytest.mark.parametrize("words", [("--workers", "0"), ("--budget-tokens", "0"), ("--seed", "-1")])
    def test_numbers_of_the_command_line(self, distill, words):
        assert distill(CUT, *words).exit_code == 2

    @pytest.mark.parametrize(
        ("text", "name", "said"),
        [
            (SMALL, "README.md", "README.md is there already, and it is no data card"),
            (SMALL, "journal.jsonl", "journal.jsonl is no journal of this version"),
            (CUT, "shards", "shards is a file; name a folder"),
        ],
    )
    def test_what_is_somebody_else_s_is_left_alone(self, distill, tmp_path, text, name, said):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / name).write_text("mine\n")
        result = distill(text)
        assert said in result.stderr
        assert result.exit_code == 2
        assert (tmp_path / "out" / name).read_text() == "mine\n"

    @pytest.mark.parametrize("name", ["README.md", "journal.jsonl"])
    def test_a_folder_where_a_file_will_stand(self, distill, tmp_path, name):
        (tmp_path / "out" / name).mkdir(parents=True)
        result = distill(SMALL)
        assert f"{name} is a folder; name a file" in result.stderr
        assert result.exit_code == 2

    @pytest.mark.parametrize("text", [SMALL, CUT])
    def test_the_folder_of_another_run(self, distill, tmp_path, text):
        assert distill(text).exit_code == 0
        there = files(tmp_path)
        result = distill(f"{text}seed: 3\n")
        assert "another run" in result.stderr
        assert result.exit_code == 2
        (tmp_path / "recipe.yaml").write_text(text)
        assert files(tmp_path) == there

    @pytest.mark.parametrize("length", [0, 10, 400, 1_000])
    def test_a_journal_that_was_cut_off_anywhere_goes_on(self, distill, tmp_path, length):
        distill(SMALL)
        there = files(tmp_path)
        journal = tmp_path / "out/journal.jsonl"
        journal.write_bytes(journal.read_bytes()[:length])
        assert distill(SMALL).exit_code == 0
        assert files(tmp_path) == there

    def test_ctrl_c_is_no_failure_and_the_same_command_goes_on(self, distill, nasty, tmp_path, monkeypatch):
        real, asked = ServerTeacher._once, []

        def interrupted(self, *arguments):
            asked.append(1)
            if len(asked) == 4:
                raise KeyboardInterrupt
            return real(self, *arguments)

        monkeypatch.setattr(ServerTeacher, "_once", interrupted)
        result = distill(SMALL)
        assert result.stderr == "✗ stopped; what was answered is kept, and the same command goes on\n"
        assert result.exit_code == 1
        assert distill(SMALL).exit_code == 0
        distill(SMALL, out="whole")
        assert (tmp_path / "out/journal.jsonl").read_bytes() == (tmp_path / "whole/journal.jsonl").read_bytes()

    def test_a_budget_too_small_for_anything_says_so(self, distill):
        result = distill(CUT, "--budget-tokens", "4")
        assert "the budget holds no further request in 2 of 2 shards (0, 1)" in result.stderr
        assert result.stderr.endswith("The same command with a larger budget goes on\n")
        assert result.exit_code == 1

    def test_a_full_disk_is_said_of_a_shard(self, distill, monkeypatch):
        def full(self, *arguments):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("sdg_lab.distill.journal.Journal.write", full)
        result = distill(CUT)
        assert "shard 0: a file cannot be written: the disk is full; make room" in result.stderr
        assert result.exit_code == 1


# A chat behind a server

VERBS = ("Write", "Describe", "Explain", "Name", "Compare", "Invent", "Draft", "List", "Suggest", "Outline")
NOUNS = ("poem", "letter", "recipe", "garden", "river", "engine", "story", "speech", "menu", "song", "castle", "bridge")


def chat(asked, seed):
    """Answer as a chat does what the recipes ask for; which words, follows from the request."""
    draw = int(hashlib.sha256(f"{asked}{seed}".encode()).hexdigest(), 16)
    said = json.loads(asked)[-1]["content"]

    def task(place):
        one, two = (NOUNS[(draw >> shift + 3 * place) % len(NOUNS)] for shift in (8, 40))
        return (
            f"{VERBS[(draw >> place) % len(VERBS)]} a {one} about the {two} number {(draw >> 16 + place) % 997} there."
        )

    if "Write 8 new tasks" in said:
        return "\n".join(f"{place}. {task(place)}" for place in range(1, 9))
    if "Is it a classification task?" in said:
        return "No."
    if "different examples for the last task" in said:
        return f"Output: It is about {task(1)}"
    if found := re.search(r"on one line\.\n\n(.+)", said):
        return f"{found[1].rstrip('.')} and mention exactly {draw % 89} small {NOUNS[draw % len(NOUNS)]}s."
    return f"A {NOUNS[draw % len(NOUNS)]} of {draw % 1_000}."


BAD_DAYS = ["429 zero", "slow", "cut", "no json", "list", "no finish", "html", "503", "reset", "no message", "empty"]
TEACHER = f"teacher: {{timeout: 1, key_variable: {VARIABLE}, concurrency: 4, attempts: 20}}\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("recipe: self_instruct\nparameters: {target: 10, style: chat, round: 2}\n", "instance"),
        ("recipe: evol_instruct\nparameters: {start: 6, generations: 2, style: chat}\n", "answer"),
    ],
)
def test_recipes_are_carried_out_by_a_chat_on_bad_days(distill, nasty, tmp_path, text, kind):
    """What the server does on bad days is counted, and changes no byte of the data."""
    nasty.writes = chat
    assert distill(text + TEACHER, out="good").exit_code == 0
    nasty.script = list(BAD_DAYS)
    result = distill(text + TEACHER, out="bad")
    assert result.exit_code == 0, result.output
    for said in ("HTTP 429", "nothing within 1 s", "cut in mid-answer", "no JSON came", "half an answer came"):
        assert said in result.output
    assert files(tmp_path / "good") == files(tmp_path / "bad")
    assert (tmp_path / "bad" / "data" / f"{kind}.parquet").is_file()
    assert set(nasty.paths) == {"/v1/chat/completions"}
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_verified_solutions_from_a_file(distill, nasty, tmp_path):
    """The server solves every second question rightly; shards, a hint in every second prompt, nothing from the test."""

    def solve(asked, seed):
        problem = Sum.read(asked.rpartition("\n")[2])
        right = problem.solution([bool(seed & 2)] * problem.digits)
        return f" {right}" if problem.a % 2 else f" {right}9"

    nasty.writes = solve
    (tmp_path / "test.txt").write_text("011+022=\n")
    (tmp_path / "q.txt").write_text("011+022=\n013+044=\n\n\n012+345=\n999+001=\n101+010=\n")
    text = (
        f"recipe: verified\nparameters: {{questions: {tmp_path}/q.txt, test: {tmp_path}/test.txt, verify: sums, "
        "samples: 4, hints: true}\nshards: 2\n"
    )
    result = distill(text)
    assert result.exit_code == 0, result.output
    card = (tmp_path / "out/README.md").read_text("utf-8")
    assert "it is a question of the test" in card
    assert "problem: 4 of 5 kept" in card
    prompts = [body["prompt"] for body in nasty.seen]
    assert len(prompts) == 16
    assert sum("{" in prompt for prompt in prompts) == 8
    assert all(len(prompt.split("\n")) == 5 for prompt in prompts)
    assert (tmp_path / "out/data/solution.parquet").is_file()
    assert distill(text, out="again").exit_code == 0
    assert files(tmp_path / "out") == files(tmp_path / "again")


@pytest.mark.parametrize(
    ("recipe", "remedy"),
    [
        (SelfInstruct(target=1), 'the recipe\'s parameter style: "chat" or instances: 0 leaves that step out'),
        (Lab(per_leaf=1), 'the recipe\'s parameter style: "chat" or judge: false leaves that step out'),
        (KnowledgeQA([Document("a", "b" * 300)]), "the recipe's parameter margin: null leaves that step out"),
        (Labels(target=1), "it cannot leave that step out; a model on this computer"),
    ],
)
def test_what_leaves_the_scores_out_is_named_for_each_recipe(recipe, remedy):
    teacher = ServerTeacher("http://127.0.0.1:9/v1", "m")
    with pytest.raises(ValueError, match=re.escape(remedy)):
        check_teacher(recipe, teacher)


def test_labels_are_refused_before_the_server_is_asked(distill, nasty):
    result = distill("recipe: labels\nparameters: {target: 2}\nshards: 2\n")
    assert "Labels asks for log-probabilities of answers, and m gives none: it cannot leave" in result.stderr
    assert result.exit_code == 2
    assert not nasty.seen


@pytest.mark.parametrize(
    ("questions", "said"),
    [
        ("q.txt", "q.txt, line 1: a prompt must be like '347+285='"),
        ("q.txt", "a file's program verifies sums only; others need their own, in Python: Verified(questions, verify)"),
        ("[12+34=, 2+2]", "the list, entry 2: a prompt must be like '347+285='"),
        (
            "sums",
            "there is no file sums; questions must be the path of a file, a list of questions, or a small world's",
        ),
        ("[]", "there are no questions in the list"),
    ],
)
def test_what_verified_cannot_ask_is_said_with_what_it_can(distill, tmp_path, monkeypatch, questions, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.txt").write_text("What is 2+2?\n")
    result = distill(f"recipe: verified\nparameters: {{questions: {questions}}}\n")
    assert said in result.stderr
    assert result.exit_code == 2


def test_verified_takes_a_list_of_questions():
    made = registry.make("verified", {"questions": ["12+34=", "01+02="]})
    assert made.questions == ("12+34=", "01+02=")


def test_a_recipe_is_described_without_a_file():
    result = CliRunner().invoke(cli.app, ["distill", "--describe", "labels"])
    assert result.exit_code == 0
    assert "  shots: 0\n      examples of the label" in result.output
    wrong = CliRunner().invoke(cli.app, ["distill", "--describe", "lable"])
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "✗ recipe must be one of" in wrong.stderr


def examples():
    """Return the recipes that the documentation shows."""
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = {"README": next(found for found in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "recipe:" in found)}
    for module in (plan, verified):
        shown[module.__name__] = textwrap.dedent(re.findall(r"::\n\n((?:    .*\n|\n)+)", module.__doc__)[0])
    return shown


@pytest.mark.parametrize("name", examples())
def test_recipes_in_the_documentation_are_recipes(name, tmp_path):
    (tmp_path / "test.txt").write_text("a test text")
    (tmp_path / "recipe.yaml").write_text(examples()[name], encoding="utf-8")
    found = plan.Plan.read(tmp_path / "recipe.yaml")
    assert found.recipe in registry.names()


def test_a_recipe_without_scores_is_for_any_teacher():
    check_teacher(Words(), ServerTeacher("http://127.0.0.1:9/v1", "m"))
