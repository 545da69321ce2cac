"""From a name or an object to a model, with what is wrong told before anything is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlm_lab.config import Settings
from rlm_lab.errors import AuthenticationError, ConfigError, ModelNotFoundError, UsageError
from rlm_lab.models.litellm_model import LiteLLMModel
from rlm_lab.models.local import installed
from rlm_lab.models.resolve import resolve
from rlm_lab.models.scripted import ScriptedModel


def test_a_model_object_is_given_back() -> None:
    model = ScriptedModel([])
    assert resolve(model, Settings()) is model


def test_a_litellm_name_becomes_a_model(no_keys: pytest.MonkeyPatch) -> None:
    no_keys.setenv("OPENAI_API_KEY", "sk-test")
    model = resolve(" openai/gpt-4o ", Settings(max_concurrency=7))
    assert isinstance(model, LiteLLMModel)
    assert (model.name, model.max_concurrency) == ("openai/gpt-4o", 7)


def test_one_name_is_one_model_so_that_runs_share_its_limit(no_keys: pytest.MonkeyPatch) -> None:
    no_keys.setenv("OPENAI_API_KEY", "sk-test")
    assert resolve("openai/gpt-4o", Settings()) is resolve("openai/gpt-4o", Settings())


def test_the_default_is_the_setting(no_keys: pytest.MonkeyPatch) -> None:
    no_keys.setenv("OPENAI_API_KEY", "sk-test")
    assert resolve(None, Settings(model="openai/gpt-4o")).name == "openai/gpt-4o"


def test_without_any_model_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("RLM_LAB_MODELS", str(tmp_path_factory.mktemp("empty")))
    assert not installed()
    with pytest.raises(ConfigError, match=r"pass -m NAME, set RLM_LAB_MODEL, or run `rlm-lab model install`"):
        resolve(None, Settings())


@pytest.mark.parametrize(("name", "variable"), [("openai/gpt-4o", "OPENAI_API_KEY"), ("groq/some-model", "GROQ_API_KEY")])
def test_a_missing_key_is_found_before_the_first_request(name: str, variable: str, no_keys: pytest.MonkeyPatch) -> None:
    with pytest.raises(AuthenticationError, match=f"set {variable} in the environment or in .env"):
        resolve(name, Settings())


def test_a_key_that_is_set_later_is_seen(no_keys: pytest.MonkeyPatch) -> None:
    with pytest.raises(AuthenticationError):
        resolve("openai/gpt-4o-mini", Settings())
    no_keys.setenv("OPENAI_API_KEY", "sk-test")
    assert resolve("openai/gpt-4o-mini", Settings()).name == "openai/gpt-4o-mini"


def test_providers_without_a_key_need_none() -> None:
    assert resolve("ollama/llama3", Settings()).name == "ollama/llama3"


@pytest.mark.parametrize(("name", "near"), [("locall", "local"), ("gpt-4oo", "gpt-4o")])
def test_an_unknown_name_shows_near_ones(name: str, near: str) -> None:
    with pytest.raises(ModelNotFoundError, match=f"There is no model '{name}'; did you mean .*{near}"):
        resolve(name, Settings())


def test_an_object_that_is_no_model_is_refused() -> None:
    with pytest.raises(UsageError, match="not int"):
        resolve(42, Settings())
    with pytest.raises(UsageError, match="empty"):
        resolve("  ", Settings())


def test_a_model_object_of_litellm_is_checked_too() -> None:
    with pytest.raises(ModelNotFoundError):
        resolve(LiteLLMModel("no-such-model"), Settings())


def test_a_gguf_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        resolve(f"local:{tmp_path}/none.gguf", Settings())


def test_a_key_may_stand_in_a_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GROQ_API_KEY=sk-test\n")
    program = "from rlm_lab.models.resolve import resolve, Settings; print(resolve('groq/some-model', Settings()).name)"
    environment = {name: value for name, value in os.environ.items() if name != "GROQ_API_KEY"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment
    )
    assert done.stdout.strip() == "groq/some-model", done.stderr


def test_own_models_need_no_litellm() -> None:
    program = """
import sys
from rlm_lab.config import Settings
from rlm_lab.models.resolve import resolve
from rlm_lab.models.scripted import ScriptedModel
resolve(ScriptedModel([]), Settings())
print("litellm" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == "False"
