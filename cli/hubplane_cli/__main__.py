"""``python -m hubplane_cli``, where the program's folder is not on PATH."""

import sys

from hubplane_cli.main import main

sys.exit(main())
