"""``python3 -m sglang.launch_server`` that is airtune's fake engine."""

import sys

from airtune.testing.fake_engine import main

sys.exit(main())
