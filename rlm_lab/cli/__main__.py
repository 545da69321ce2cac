"""`python -m rlm_lab.cli` is `rlm-lab`."""

import sys

from rlm_lab.cli import main

sys.exit(main())
