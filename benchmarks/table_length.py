"""``python -m benchmarks.table_length ROWS FILE``: learn diamonds, write synthetic rows, print CPU seconds and memory.

A process of its own, since the most memory that a process ever held is asked of the system.
"""

from __future__ import annotations

import json
import resource
import sys
import time


def main() -> None:
    """Print one line of JSON: CPU seconds of the draw, and the most memory of the process in bytes."""
    import pandas as pd

    from sdg_lab import data
    from sdg_lab.synth import Synthesizer

    parts = data.diamonds(deduplicate=False).parts.values()
    synthesizer = Synthesizer().fit(pd.concat(parts, ignore_index=True), seed=0, progress=False)
    begin = time.process_time()
    synthesizer.sample_to(sys.argv[2], int(sys.argv[1]), seed=0, progress=False)
    seconds = time.process_time() - begin
    unit = 1 if sys.platform == "darwin" else 1024
    print(
        json.dumps(
            {
                "seconds": seconds,
                "bytes": unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                "choice": synthesizer.choice.why,
            }
        )
    )


if __name__ == "__main__":
    main()
