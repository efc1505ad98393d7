"""Envelope and levels against what numpy says directly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sier_gui.core.audio.levels import peak_dbfs, peaks, rms_dbfs


@given(st.integers(1, 300), st.integers(1, 100))
def test_envelope_holds_each_sample_in_its_bin(n, bins):
    speech = np.random.default_rng(n).standard_normal(n).astype(np.float32)
    envelope = peaks(speech, bins)
    assert envelope.shape == (bins, 2)
    assert envelope.dtype == np.float32
    for b in range(bins):
        first = b * n // bins
        part = speech[first : max(first + 1, (b + 1) * n // bins)]
        assert envelope[b, 0] == part.min()
        assert envelope[b, 1] == part.max()


def test_levels_of_known_signals():
    sine = np.sin(2 * np.pi * np.arange(16_000) / 100).astype(np.float32)
    assert rms_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert peak_dbfs(sine / 2) == pytest.approx(-6.02, abs=0.01)
    assert rms_dbfs(np.zeros(5, np.float32)) == peak_dbfs(np.zeros(0, np.float32)) == -np.inf
