"""trackio: what the sink writes is read."""

import os
from pathlib import Path

from common import logged, require_read

os.environ["TRACKIO_DIR"] = str(Path("trackio").resolve())
import trackio

from wcdfa.sinks.trackio import TrackioSink

trackio.init(project="p", name="run", embed=False)
expected = logged(TrackioSink())
trackio.finish()
require_read(Path("trackio/p.db"), expected)
