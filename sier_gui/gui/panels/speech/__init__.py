"""What is heard: words, waveform and spectrogram over one time axis."""

from sier_gui.gui.panels.speech.panel import SpeechPanel

__all__ = ["SpeechPanel"]
