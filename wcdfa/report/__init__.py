"""One file that shows a run, or several side by side, in any browser, without a network."""

from wcdfa.report.page import place, write
from wcdfa.report.sections import Failure, Section, section_of

__all__ = ["Failure", "Section", "place", "section_of", "write"]
