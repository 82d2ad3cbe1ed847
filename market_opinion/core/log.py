"""The log that a task hands to library code, so that its lines stand on the run's page."""

import logging
from typing import Any

Log = logging.Logger | logging.LoggerAdapter[Any]
