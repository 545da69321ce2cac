"""Settings and budgets: flag, then environment, then `.env`, then the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlm_lab.config import Settings, load_budget, load_settings
from rlm_lab.errors import ConfigError


def test_what_is_given_wins_over_the_environment_which_wins_over_dotenv(monkeypatch, tmp_path):
    (tmp_path / ".env").write_text("RLM_LAB_MODEL=from-file\nRLM_LAB_SUB_MODEL=from-file\nRLM_LAB_PROFILE=small\n")
    monkeypatch.setenv("RLM_LAB_MODEL", "from-environment")
    monkeypatch.setenv("RLM_LAB_SUB_MODEL", "from-environment")
    settings = load_settings({"model": "given"}, folder=tmp_path)
    assert (settings.model, settings.sub_model, settings.profile) == ("given", "from-environment", "small")


def test_limits_are_read_from_the_environment_too(monkeypatch, tmp_path):
    monkeypatch.setenv("RLM_LAB_MAX_CALLS", "7")
    monkeypatch.setenv("RLM_LAB_MAX_COST", "0.5")
    budget = load_budget({"steps": 3}, folder=tmp_path)
    assert (budget.steps, budget.calls, budget.cost) == (3, 7, 0.5)


@pytest.mark.parametrize("text", ["many", "1.5", ""])
def test_a_setting_that_cannot_be_read_is_named_with_its_value(monkeypatch, tmp_path, text):
    monkeypatch.setenv("RLM_LAB_MAX_CALLS", text)
    if not text:
        assert load_budget(folder=tmp_path).calls == 1_000
        return
    with pytest.raises(ConfigError, match=f"RLM_LAB_MAX_CALLS is '{text}'"):
        load_budget(folder=tmp_path)


def test_paths_and_booleans_are_read(monkeypatch, tmp_path):
    monkeypatch.setenv("RLM_LAB_RUNS", str(tmp_path))
    monkeypatch.setenv("RLM_LAB_ALLOW_SHELL", "yes")
    settings = load_settings(folder=tmp_path)
    assert (settings.runs, settings.allow_shell) == (Path(tmp_path), True)


def test_an_unknown_setting_is_refused():
    with pytest.raises(ConfigError, match="no setting 'modle'"):
        load_settings({"modle": "x"})


@pytest.mark.parametrize(
    "setting",
    [{"block_seconds": -1}, {"output_characters": 0}, {"max_concurrency": 0}, {"call_retries": "many"}, {"call_seconds": 0}],
)
def test_a_number_that_cannot_be_is_refused_with_its_value(setting):
    with pytest.raises(ConfigError, match=f"The setting {next(iter(setting))} is"):
        Settings(**setting)


def test_a_runs_folder_below_the_home_folder_is_found_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RLM_LAB_RUNS", "~/runs")
    assert load_settings().runs == tmp_path / "runs"
    assert load_settings({"runs": "~/others"}).runs == tmp_path / "others"


def test_a_variable_that_is_no_number_is_told_in_words(monkeypatch):
    monkeypatch.setenv("RLM_LAB_MAX_STEPS", "many")
    with pytest.raises(ConfigError, match="RLM_LAB_MAX_STEPS is 'many'; give a whole number"):
        load_budget()
