"""`python -m tasks.corpus.attest`."""

import sys

from tasks.corpus.attest.cli import main

sys.exit(main())
