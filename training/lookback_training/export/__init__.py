"""From a trained ranker to the files of a model directory."""
