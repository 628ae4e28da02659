"""`python -m tasks.store`."""

import sys

from tasks.store.cli import main

sys.exit(main())
