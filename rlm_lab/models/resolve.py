"""From what a user calls a model to the model: a LiteLLM name, a name of our own, or an object. Called on the main thread.

LiteLLM (seconds to import) is loaded only for a LiteLLM name; a wrong name or a missing key is told before anything is run.
"""

from __future__ import annotations

from functools import lru_cache

from rlm_lab.config import Settings
from rlm_lab.errors import ConfigError, UsageError
from rlm_lab.models.base import Model
from rlm_lab.models.litellm_facts import OWN_NAMES
from rlm_lab.models.litellm_model import LiteLLMModel


def resolve(spec: object, settings: Settings) -> Model:
    """The model that `spec` means.

    Parameters
    ----------
    spec: a model object (given back as it is), a LiteLLM name, `local`, `local-small`, `local:FILE.gguf`, or None for the
        default: `settings.model`, else the embedded model where it is installed.
    settings: gives the default and `max_concurrency`.

    Raises `ConfigError` where no model is set, `ModelNotFoundError`, `AuthenticationError`, and `UsageError` for an object
    that is no model.

    >>> from rlm_lab.models.scripted import ScriptedModel
    >>> resolve(ScriptedModel(["Yes."]), Settings()).name
    'scripted'
    """
    if spec is None:
        return _default(settings)
    if isinstance(spec, str):
        return _named(spec.strip(), settings)
    if isinstance(spec, LiteLLMModel):  # before the check of the protocol, which would ask for its window and import LiteLLM
        spec.check()
        return spec
    if isinstance(spec, Model):
        return spec
    raise UsageError(f"A model is a name or a model object, not {type(spec).__name__}; give e.g. 'openai/gpt-4o' or 'local'.")


def check(spec: object, settings: Settings, *, here: bool = True) -> None:
    """Raises what `resolve` raises for a model that cannot be asked; of model objects only LiteLLM's are looked at.

    Where another machine will ask it (`here` is False), only a name of no provider is refused: keys and files are that machine's.
    """
    name = spec if spec is not None or here else settings.model
    if here and (name is None or isinstance(name, str | LiteLLMModel)):
        resolve(name, settings)
    elif isinstance(name, LiteLLMModel):
        name.check(here=False)
    elif isinstance(name, str) and (plain := name.strip()) not in OWN_NAMES and not plain.startswith("local:"):
        _litellm(plain, settings.max_concurrency).check(here=False)


def _default(settings: Settings) -> Model:
    from rlm_lab.models.local import installed

    if settings.model:
        return _named(settings.model.strip(), settings)
    if installed():
        return _named("local", settings)
    raise ConfigError("No model is set: pass -m NAME, set RLM_LAB_MODEL, or run `rlm-lab model install`.")


def _named(name: str, settings: Settings) -> Model:
    if not name:
        raise UsageError("The model's name is empty; give e.g. openai/gpt-4o or local.")
    if name in OWN_NAMES:
        from rlm_lab.models.local import local_model

        return local_model(small=name == "local-small", settings=settings)
    if name.startswith("local:"):
        from rlm_lab.models.local import gguf_model

        return gguf_model(name)
    model = _litellm(name, settings.max_concurrency)
    model.check()
    return model


@lru_cache(maxsize=32)
def _litellm(name: str, max_concurrency: int) -> LiteLLMModel:
    """One object a name, so that runs share its limit of requests in flight."""
    return LiteLLMModel(name, max_concurrency=max_concurrency)
