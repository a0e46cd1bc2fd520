"""Training, evaluation and export of the Lookback ranker."""
