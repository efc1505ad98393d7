"""The log-mel against librosa, and its maps against sounds at known places."""

import numpy as np
import pytest

from sier_gui.core.audio.features import _power, log_mel, mel_edges_hz, mel_filters, spectrogram
from sier_gui.core.domain import FrontEnd

RATE = 16_000
DURATIONS = [0.2, 0.3, 0.9, 2.0, 10.0, 60.0]


def noise(seconds, seed=0):
    return (np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * 0.1).astype(np.float32)


def burst(seconds, at_s, hz, length_s=0.02):
    """A tone with a Gaussian envelope centred at ``at_s``."""
    t = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hz * t) * np.exp(-(((t - at_s) / (length_s / 2)) ** 2))).astype(np.float32)


def test_filters_equal_librosa():
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=128, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(RATE, 1024, 128), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seconds", DURATIONS)
def test_power_and_log_mel_equal_librosa(seconds):
    librosa = pytest.importorskip("librosa")
    speech, front = noise(seconds) * np.linspace(0.01, 1, round(seconds * RATE), dtype=np.float32), FrontEnd()
    expected = librosa.feature.melspectrogram(
        y=speech, sr=RATE, n_fft=1024, hop_length=160, n_mels=128, power=2.0, center=True, pad_mode="constant"
    )
    ours = mel_filters(RATE, 1024, 128) @ _power(speech, front).T
    # librosa computes in float32
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-9)

    n = expected.shape[1]
    if n >= 128:  # area average written out: each frame's share of each column
        edges = np.arange(129) * n / 128
        share = np.minimum(edges[1:, None], np.arange(1, n + 1)) - np.maximum(edges[:-1, None], np.arange(n))
        share = np.maximum(share, 0)
        fitted = expected @ (share / share.sum(axis=1, keepdims=True)).T
    else:
        at = (np.arange(128) + 0.5) * n / 128 - 0.5
        fitted = np.stack([np.interp(at, np.arange(n), row) for row in expected])
    decibel = 10 * np.log10(np.maximum(fitted, 1e-10)) - 25
    reference = (np.clip(decibel, -80, 0) + 80) / 80
    mel, _ = log_mel(speech, front)
    assert mel.shape == (1, 128, 128)
    assert mel.dtype == np.float32
    np.testing.assert_allclose(mel[0], reference, atol=1e-4)


def test_log_mel_equals_torchaudio():
    torch = pytest.importorskip("torch")
    try:
        from torchaudio.transforms import MelSpectrogram
    except (ImportError, OSError) as error:
        pytest.skip(f"torchaudio does not import on this machine (it needs CUDA libraries): {error}")
    speech = noise(2)
    transform = MelSpectrogram(
        RATE, 1024, hop_length=160, n_mels=128, norm="slaney", mel_scale="slaney", pad_mode="constant"
    )
    ours = mel_filters(RATE, 1024, 128) @ _power(speech, FrontEnd()).T
    np.testing.assert_allclose(transform(torch.from_numpy(speech)).numpy(), ours, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("seconds", DURATIONS)
@pytest.mark.parametrize("share", [0.1, 0.37, 0.5, 0.81])
def test_burst_lands_in_the_column_the_map_says(seconds, share):
    at = share * seconds
    mel, times = log_mel(burst(seconds, at, 1500.0), FrontEnd())
    assert times.duration_s == pytest.approx(seconds, abs=1 / RATE)
    energy = 10 ** (mel[0].astype(float) * 8)  # back to power: the floor then weighs nothing
    energy -= energy.min()
    centre = (energy.sum(axis=0) @ (np.arange(128) + 0.5)) / energy.sum()
    # a column, or one hop where hops are longer than columns
    tolerance = max(times.column_s, 0.01)
    assert times.seconds(centre) == pytest.approx(at, abs=tolerance)
    loudest = int(energy.sum(axis=0).argmax())
    assert times.seconds(loudest) - tolerance <= at <= times.seconds(loudest + 1) + tolerance


@pytest.mark.parametrize("hz", [200.0, 440.0, 1000.0, 2500.0, 6000.0, 7500.0])
def test_tone_lands_in_the_row_the_edges_say(hz):
    tone = np.sin(2 * np.pi * hz * np.arange(RATE) / RATE).astype(np.float32)
    mel, times = log_mel(tone, FrontEnd(offset_db=-60.0))  # low enough not to clip at the top
    row = int(mel[0][:, 64].argmax())
    says = int(np.searchsorted(times.mel_edges_hz, hz) - 1)
    # below 1 kHz filters are narrower than two FFT bins, so the peak may fall one row beside
    assert abs(row - says) <= 1


def test_edges_enclose_each_peak():
    edges, filters = mel_edges_hz(RATE, 128), mel_filters(RATE, 1 << 16, 128)
    peaks = filters.argmax(axis=1) * RATE / (1 << 16)
    assert edges.shape == (129,)
    assert (np.diff(edges) > 0).all()
    assert ((edges[:-1] < peaks) & (peaks < edges[1:])).all()
    assert 0 < edges[0] < edges[-1] < RATE / 2


@pytest.mark.parametrize("seconds", [0.2, 0.9, 2.0, 10.0])
def test_window_keeps_one_frame_per_column_and_holds_the_loudest_part(seconds):
    at = 0.6 * seconds
    mel, times = log_mel(burst(seconds, at, 1500.0), FrontEnd(time="window"))
    assert mel.shape == (1, 128, 128)
    assert times.column_s == pytest.approx(0.01)
    loudest = int(mel[0].max(axis=0).argmax())
    assert times.seconds(loudest) - 0.01 <= at <= times.seconds(loudest + 1) + 0.01
    if seconds < 1.0:  # silence around the whole utterance
        assert times.start_s < 0
        assert mel[0][:, 0].max() == 0.0


def test_time_map_inverts_itself():
    _, times = log_mel(noise(2), FrontEnd())
    for column in (0, 17.5, 128):
        assert times.column(times.seconds(column)) == pytest.approx(column)


@pytest.mark.parametrize(
    "speech",
    [
        np.zeros(1, np.float32),
        np.zeros(32_000, np.float32),
        np.full(3_200, 3e38, np.float32),
        np.ones(5, np.float32),
    ],
    ids=["one sample", "silence", "enormous", "five samples"],
)
def test_extremes_stay_finite_and_in_range(speech):
    for time in ("stretch", "window"):
        mel, _ = log_mel(speech, FrontEnd(time=time))
        assert np.isfinite(mel).all()
        assert mel.min() >= 0
        assert mel.max() <= 1


def test_spectrogram_columns_and_seconds():
    decibel, column_s = spectrogram(burst(20, 5.0, 1000.0), FrontEnd(), columns=500)
    assert decibel.shape == (128, 500)
    assert column_s * 500 == pytest.approx(20.01)
    assert decibel.max(axis=0).argmax() * column_s == pytest.approx(5.0, abs=0.05)
    short, column_s = spectrogram(noise(0.3), FrontEnd())
    assert short.shape == (128, 31)
    assert column_s == pytest.approx(0.01)
