"""What LiteLLM knows of a model before anything is sent: provider, window, price, which key it needs, names like it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rlm_lab.errors import AuthenticationError, ModelNotFoundError
from rlm_lab.models.litellm_failure import clean

OWN_NAMES = ("local", "local-small")
BASES = ("OPENAI_BASE_URL", "OPENAI_API_BASE", "HOSTED_VLLM_API_BASE")
JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`window` is in tokens, `price` in US dollars a prompt token; None where LiteLLM knows nothing."""

    model: str
    provider: str
    window: int | None
    price: float | None

    def cost(self, litellm: Any, prompt: int, completion: int, told: Mapping[str, JSON]) -> float | None:
        """US dollars of a reply, by LiteLLM's price for the endpoint's own count `told`."""
        if self.price is None:
            return None
        try:
            costs = litellm.cost_per_token(
                model=self.model,
                custom_llm_provider=self.provider,
                prompt_tokens=prompt,
                completion_tokens=completion,
                usage_object=litellm.Usage(**told) if told else None,
            )
        except Exception:  # noqa: BLE001 - a price that LiteLLM cannot tell is unknown, and no reason to lose a reply
            return None
        return float(sum(costs))


def find(litellm: Any, name: str, base: str | None) -> Facts:
    """The facts of a name. Raises `ModelNotFoundError` where LiteLLM knows no provider for it."""
    try:
        model, provider, _, _ = litellm.get_llm_provider(name, api_base=base)
    except Exception:  # noqa: BLE001 - LiteLLM raises several kinds
        near = near_names(litellm, name)
        hint = f"did you mean {' or '.join(near)}?" if near else "a name is PROVIDER/MODEL, e.g. openai/gpt-4o, or local."
        raise ModelNotFoundError(f"There is no model {clean(name)!r}; {hint}") from None
    known = _information(litellm, model, provider)
    return Facts(model=model, provider=provider, window=known.get("max_input_tokens"), price=known.get("input_cost_per_token"))


def check_key(litellm: Any, name: str) -> None:
    """Raise `AuthenticationError` where LiteLLM can tell that a key is missing."""
    if litellm.api_key or any(os.environ.get(base) for base in BASES):
        return
    missing = litellm.validate_environment(name).get("missing_keys") or []
    if len(missing) == 1 and missing[0].endswith("_API_KEY"):  # several names mean that there are other ways to sign in
        raise AuthenticationError(f"Model {name!r} needs a key: set {missing[0]} in the environment or in .env.")


@lru_cache(maxsize=64)  # a search takes 0.1 s, and a batch may ask a hundred times
def near_names(litellm: Any, name: str) -> tuple[str, ...]:
    """At most three names, the nearest first; the name itself is never among them."""
    known = [*OWN_NAMES, *(str(one) for one in litellm.model_list), *(str(one) for one in litellm.model_cost)]
    near = difflib.get_close_matches(name, dict.fromkeys(known), n=4, cutoff=0.7)
    return tuple(one for one in near if one != name)[:3]


def _information(litellm: Any, model: str, provider: str) -> Mapping[str, JSON]:
    try:
        return dict(litellm.get_model_info(model, provider))
    except Exception:  # noqa: BLE001 - LiteLLM raises for every model that is not in its map
        return {}
