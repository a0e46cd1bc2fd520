"""Training examples as a production platform makes them: from a log of impressions, by SQL that Spark runs too."""
