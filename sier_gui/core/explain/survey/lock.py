"""A survey's folder has one writer."""

from sier_gui.core.locks import FolderLock

__all__ = ["FolderLock"]
