"""Record mode: readers, their microphone, and the prompts they read."""

from sier_gui.gui.modes.record.page import RecordPage

__all__ = ["RecordPage"]
