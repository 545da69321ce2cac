"""The embedded model: a file that is fetched once, and a server process of our own on loopback."""

from rlm_lab.models.local.catalog import EmbeddedModel, embedded, installed, models_folder
from rlm_lab.models.local.fetch import Sources, explain_source, install
from rlm_lab.models.local.model import LocalModel, gguf_model, local_model
from rlm_lab.models.local.server import LocalServer, ServerOptions

__all__ = [
    "EmbeddedModel", "LocalModel", "LocalServer", "ServerOptions", "Sources", "embedded", "explain_source", "gguf_model", "install",
    "installed", "local_model", "models_folder",
]  # fmt: skip
