"""What is seen: the picture of the current sample with its patches."""

from sier_gui.gui.panels.image.panel import ImagePanel

__all__ = ["ImagePanel"]
