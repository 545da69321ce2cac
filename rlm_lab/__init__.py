"""Run, watch and understand Recursive Language Models in a Jupyter notebook."""

from rlm_lab._version import __version__

__all__ = ["__version__"]
