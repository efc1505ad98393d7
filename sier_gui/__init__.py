"""The open workbench for emotion in speech and image."""

__version__ = "0.1.0"
