"""Table 2 on any dataset, and comparisons between networks; nothing here imports torch before it runs."""

from sier_gui.core.nets.ablation.rows import ROWS, chosen_rows
from sier_gui.core.nets.ablation.run import Ablation, AblationRequest, ablate

__all__ = ["ROWS", "Ablation", "AblationRequest", "ablate", "chosen_rows"]
