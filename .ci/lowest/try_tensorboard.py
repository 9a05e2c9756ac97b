"""TensorBoard: event files are read."""

from common import norms, require_read
from tensorboard.summary import Writer

writer = Writer("run")
for step, norm in enumerate(norms(), 1):
    writer.add_scalar("wcdfa/update_norm", norm, step)
writer.close()
require_read("run", norms())
