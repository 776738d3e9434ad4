"""`python -m losscli`."""

import sys

from losscli.cli import main

sys.exit(main())
