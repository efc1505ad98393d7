"""Study mode: the experimenter's desk, and a rater's pages from consent to thanks."""

from sier_gui.gui.modes.study.page import StudyPage

__all__ = ["StudyPage"]
