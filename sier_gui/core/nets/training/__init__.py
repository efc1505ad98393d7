"""Training a release from a dataset; nothing here imports torch before it runs."""

from sier_gui.core.nets.training.config import TrainingConfig, load_config
from sier_gui.core.nets.training.train import join, train

__all__ = ["TrainingConfig", "join", "load_config", "train"]
