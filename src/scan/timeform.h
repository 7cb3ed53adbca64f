/* timeform: times written in logs to seconds since 1970 (UTC), and seconds to buckets of time.
**
** Formats by name: "iso" (2023-01-31T23:59:59.123+01:00; date alone, blank for T, comma for the point, no seconds, no zone are
** fine), "apache" (31/Jan/2023:23:59:59 +0100), "syslog" (Jan 31 23:59:59, no year), "epoch" (seconds, with or without
** fraction), "epoch_ms", "epoch_us", "epoch_ns"; others in the manner of strptime:
**   %Y %m %d %H %M %S   year (4 digits), month, day, hour, minute, second: digits, as many as usual or fewer
**   %y                  year of two digits, 1969 to 2068          %e  day, a blank before a single digit
**   %b %B               month by name, short or long, in English, any case
**   %a %A               day of the week by name: read, not checked
**   %I %p               hour from 12 with AM or PM                %j  day of the year
**   %f                  fraction of a second, any number of digits
**   %z                  +0100, +01:00, +01, Z, UTC or GMT
**   %s                  seconds since 1970
**   %T %D %F %R         %H:%M:%S  %m/%d/%y  %Y-%m-%d  %H:%M
**   %%                  a percent sign
** Anything else stands for itself; a blank for one or more blanks. The whole text must be read.
** A time without a zone is in the zone given (UTC by default); one without a year in the year given (the current one by
** default). Second 60 is allowed and is the next minute's first. Dates that do not exist (30 February) are no times.
** The last date read is remembered, because the next record's is usually the same. */
#ifndef PAPY_SCAN_TIMEFORM_H
#define PAPY_SCAN_TIMEFORM_H

#include <stdint.h>

#include "scan/text.h"
#include "scan/value.h"
#include "scan/why.h"

struct timeform;

struct time_place {
  int year;   /* of times that name none; 0: the current one */
  int offset; /* seconds east of UTC, of times that name no zone */
};

/* NULL with *why when the format has an unknown or a doubled conversion */
struct timeform *timeform_new(struct text format, const struct time_place *place, struct why *why);
void timeform_free(struct timeform *f);
/* 1 with the seconds, an integer when the text has no fraction; 0 when it is no such time */
int timeform_parse(struct timeform *f, struct text t, struct value *seconds);

/* "+0100", "+01:00", "-3", "Z", "UTC" to seconds east of UTC; 1 or 0 */
int time_offset(struct text t, int *seconds);

/* Buckets: times of equal width, aligned to midnight (and weeks to Monday) in the zone of `offset`. */
struct bucket {
  int64_t width, shift;
  int offset;
  int64_t start; /* of the one whose text is below */
  size_t length;
  char text[40];
};

/* "30s" "5m" "1h" "1d" "1w", or a number of seconds; -1 with *why */
int bucket_init(struct bucket *b, struct text width, int offset, struct why *why);
/* The start of the bucket that seconds lie in, as ISO text ("2023-01-31T23:55:00Z", for whole days "2023-01-31"), which stays valid
** until the next call. 1; 0 when seconds are no number or out of range (years 1 to 9999). */
int bucket_of(struct bucket *b, const struct value *seconds, struct text *t);
/* seconds as ISO text with up to six digits of fraction; the length, 0 when out of range */
size_t time_text(const struct value *seconds, int offset, char out[40]);

#endif
