"""Chapter 09: convolutions for waveforms and large images."""
