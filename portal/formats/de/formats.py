"""How Django writes times in German where no filter of ours does: day first, 24 hours, with the zone."""

DATE_FORMAT = "j. M Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j. M Y, H:i T"
SHORT_DATE_FORMAT = DATE_FORMAT
TIME_FORMAT = "H:i"
