"""Training: configuration, embeddings, loop, calibration."""
