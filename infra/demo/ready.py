#!/usr/bin/env python3
"""Exit 0 if the server at the URL given says that it is ready."""
import sys
import urllib.request

try:
    with urllib.request.urlopen(sys.argv[1] + "/ready", timeout=2) as reply:
        sys.exit(0 if reply.status == 200 else 1)
except OSError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
