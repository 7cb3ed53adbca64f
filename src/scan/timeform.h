/* timeform: times as logs write them to seconds since 1970 (UTC).
**
** Formats by name: "iso" (2023-01-31T23:59:59.123+01:00; date alone, a blank for T, a comma for the point, no seconds, no zone,
** and no - and : are fine, too), "apache" (31/Jan/2023:23:59:59 +0100), "syslog" (Jan 31 23:59:59, no year; or iso), "epoch"
** (seconds, with or without fraction), "epoch_ms", "epoch_us", "epoch_ns". Others in the manner of strptime:
**   %Y %m %d %H %M %S   year (4 digits), month, day, hour, minute, second (1 or 2 digits)
**   %y                  year of two digits, 1969 to 2068          %e  the same as %d, after a blank or not
**   %b %B %h            month by name, short or long, in English, any case
**   %a %A               day of the week by name: read, not checked
**   %I %p               hour of 12 with AM or PM                  %j  day of the year
**   %f                  fraction of a second, any number of digits (nine count)
**   %z                  +0100, +01:00, +01, Z, UTC or GMT
**   %s                  seconds since 1970
**   %T %D %F %R         %H:%M:%S  %m/%d/%y  %Y-%m-%d  %H:%M
**   %%                  a percent sign
** A blank stands for one or more blanks, anything else for itself. The whole text must be read.
** A time without a zone is in the zone given (UTC by default), one without a year in the year given (the current one by
** default). Second 60 is allowed and is the next minute's first. Dates that do not exist (30 February) are no times. */
#ifndef PAPY_SCAN_TIMEFORM_H
#define PAPY_SCAN_TIMEFORM_H

#include "scan/text.h"
#include "scan/value.h"
#include "scan/why.h"

struct timeform;

struct time_place {
  int year;   /* of times that name none; 0: the current one */
  int offset; /* seconds east of UTC, of times that name no zone */
};

/* NULL with *why when the format has an unknown or a doubled conversion, or no date. It remembers the last time, so it
** belongs to one thread. */
struct timeform *timeform_new(struct text format, const struct time_place *place, struct why *why);
void timeform_free(struct timeform *f);
/* 1 with the seconds, an integer when the text has no fraction; 0 when it is no such time */
int timeform_parse(struct timeform *f, struct text t, struct value *seconds);

#endif
