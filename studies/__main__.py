"""Run the studies.

    python -m studies list                    what there is, and how far each study is
    python -m studies run NAME … [--quick]    run what is missing and write the results; without a name, all studies
    python -m studies page NAME …             write the page from the results; without a name, all, and the table

A study that was stopped, or killed, goes on where it was. With --quick a small trial of each study runs whole and prints what it finds: it
shows that everything works, and is no result. Its runs are kept only in a folder that --runs names.
"""

from __future__ import annotations

import sys

from studies.common import commands, page
from studies.common.arguments import parsed
from studies.common.study import NAMES, StudyError, load


def main(arguments: list[str] | None = None) -> None:
    """Do what the command line asks for. Exit with status 1 if a run failed or something is missing."""
    options = parsed(arguments, __doc__ or "")
    try:
        studies = [load(name) for name in options.names or NAMES]
        failed = [study.name for study in studies if not options.action(study, options)]
        if options.action is commands.write_page:
            page.write_overview()
    except StudyError as error:
        sys.exit(f"studies: {error}")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
