"""Tables as the makers of loggers export them: how each is written is found out, shown and confirmed first.

Makers differ in separators, decimal marks, the order of a date, clocks of twelve hours, degrees, and lines before the
table; some of it the text tells, some it cannot (is 03/04 in March or in April?). `detect` gives for each question the
answer and what it rests on, or the answers that are possible. `parse_export` reads nothing while one
is open.
"""

from domain.recordings.exports.detect import detect
from domain.recordings.exports.dialect import QUESTIONS, Answer, Column, Detection, OpenQuestionsError
from domain.recordings.exports.read import parse_export

__all__ = ["QUESTIONS", "Answer", "Column", "Detection", "OpenQuestionsError", "detect", "parse_export"]
