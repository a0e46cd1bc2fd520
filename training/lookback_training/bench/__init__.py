"""Full model, baselines and ablations in one frame: same data, loop, features, calibration and measures."""
