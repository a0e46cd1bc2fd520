"""Start of `python -m lookback_training`."""

import os
import sys

# Waiting threads that spin starve each other (and everybody else) on a small or busy machine. OpenMP reads this
# once, when PyTorch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from .command import main

sys.exit(main())
