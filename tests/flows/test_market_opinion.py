"""The command `market-opinion`: all flows and commands behind one help."""

import re
import shlex
import subprocess
import sys

import pytest
import yaml

from flows import __main__ as command_line
from tests.conftest import REPOSITORY

HEAVY = ("prefect", "openai", "snowflake.connector", "boto3", "tweepy", "altair", "streamlit")


def test_every_deployment_is_a_command():
    """D17: by its name, and described by its own docstring."""
    deployments = yaml.safe_load((REPOSITORY / "prefect.yaml").read_text())["deployments"]
    app = command_line.make_app()
    assert [entry["name"] for entry in deployments if entry["name"] not in app] == []
    assert "run" in app


def test_the_commands_are_listed_without_their_imports():
    """Neither for help nor for a question to an empty mart, which needs polars alone."""
    script = (
        "import sys; from flows.__main__ import main; sys.argv = ['market-opinion', *{words}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', [name for name in {HEAVY} if name in sys.modules])"
    )
    for words in (["--help"], ["query", "SELECT 1"]):
        ended = subprocess.run(
            [sys.executable, "-c", script.replace("{words}", repr(words))],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "HEAVY []" in ended.stdout, words


def test_a_flow_is_imported_without_what_few_runs_need():
    """Models, warehouses, clouds and charts are imported by the run that uses them."""
    names = [name for name in HEAVY if name != "prefect"]
    script = f"import sys, flows.hourly; print([n for n in {names} if n in sys.modules])"
    printed = subprocess.check_output([sys.executable, "-c", script], cwd=REPOSITORY, text=True)
    assert printed.strip() == "[]"


@pytest.mark.parametrize(
    "line",
    re.findall(r"^  market-opinion (.*?)(?:  .*)?$", command_line._EXAMPLES, re.MULTILINE),
)
def test_an_example_of_the_help_is_a_command(line):
    """With options that it has, and values that fit."""
    command_line.make_app().parse_args(shlex.split(line), exit_on_error=False, print_error=False)


def test_a_flow_says_its_choices_and_takes_no_positional(capsys):
    """Sources to choose from; a word without an option is a mistake."""
    app = command_line.make_app()
    app(["backfill", "--help"], result_action="return_value")
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "choices: archive, facebook, file" in shown
    assert "--empty-communities" not in shown
    with pytest.raises(SystemExit):
        app(["backfill", "smartphones"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["backfill", "--start", "2024-13-45"], "2024-13-45 is no time: write 2024-11-01"),
        (["backfill", "--source", "nope"], 'Choose from: "archive"'),
        (["backfill", "--sorce", "sample"], "--sorce"),
        (["export", "daily_brand"], "--to"),
    ],
)
def test_a_mistake_in_the_words_ends_with_2(monkeypatch, capsys, words, said):
    """And says what to write."""
    monkeypatch.setattr(sys, "argv", ["market-opinion", *words])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    assert said in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_shells_complete_commands_and_options():
    """Of flows too, with their choices."""
    script = command_line.make_app().generate_completion(shell="bash")
    for word in ("backfill", "--archive", "hackernews", "export", "--community"):
        assert word in script


@pytest.mark.integration
def test_the_module_and_the_file_of_a_flow_run_as_well(tmp_path):
    """D25: as `python -m flows.hourly`, and as `python flows/hourly.py` where the package is installed."""
    environment = {"PYTHONPATH": str(REPOSITORY), "MARKET_OPINION_HOME": str(tmp_path / "home")}
    for command in (["-m", "flows.hourly"], [str(REPOSITORY / "flows" / "hourly.py")]):
        ended = subprocess.run(
            [sys.executable, *command, "--help"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "--max-windows" in ended.stdout, ended.stderr
