"""What the network says, and why: two widgets, so that the window may fold the second into a tab."""

from sier_gui.gui.panels.result.explanation import ExplanationPanel
from sier_gui.gui.panels.result.probability import ProbabilityPanel

__all__ = ["ExplanationPanel", "ProbabilityPanel"]
