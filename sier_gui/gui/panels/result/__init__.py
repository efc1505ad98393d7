"""What the network says, why, and what if: widgets, so that the window may fold some into tabs."""

from sier_gui.gui.panels.result.explanation import ExplanationPanel
from sier_gui.gui.panels.result.probability import ProbabilityPanel
from sier_gui.gui.panels.result.what_if import WhatIfStrip

__all__ = ["ExplanationPanel", "ProbabilityPanel", "WhatIfStrip"]
