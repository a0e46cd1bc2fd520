"""Metrics, baselines, evaluation of a model directory, and parity with other implementations."""
