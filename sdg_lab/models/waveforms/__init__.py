"""Models of sound, sample by sample.

In the order in which to read them:

``mu_law``      256 levels for a wave
``linear``      a linear predictor of the next sample, and how sure it is
``network``     causal dilated convolutions with gates
``generation``  a queue for each layer: a sample costs one column
``wavenet``     :class:`WaveNet`, all of it over sounds
"""

from sdg_lab.models.waveforms.linear import LinearPredictor
from sdg_lab.models.waveforms.wavenet import WaveNet

__all__ = [
    "LinearPredictor",
    "WaveNet",
]
