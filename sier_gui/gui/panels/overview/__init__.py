"""Explore's page of the dataset as a whole, beside the table of its samples."""

from sier_gui.gui.panels.overview.page import DatasetPage

__all__ = ["DatasetPage"]
