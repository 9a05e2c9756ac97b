"""Studies of what has been claimed for α of the weight change: a protocol first, then the runs, then the page."""
