"""The first service of the stack: refuses to start anything on missing, default or weak secrets.

``python -m airtune.stack.compose.check``
"""

import os
import sys

from airtune.stack.compose.strength import weaknesses


def main() -> int:
    """0 if every secret is good; else 1, after a line for each that is not."""
    found = weaknesses(os.environ)
    for text in found:
        print(text, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
