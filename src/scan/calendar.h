/* calendar: days, zones and buckets of time, in the proleptic Gregorian calendar. */
#ifndef PAPY_SCAN_CALENDAR_H
#define PAPY_SCAN_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "scan/text.h"
#include "scan/value.h"
#include "scan/why.h"

#define DAY 86400

/* days since 1970-01-01; the month from 1 to 12, the day may be any (day 0 is the last of the month before) */
int64_t calendar_days(int64_t year, int month, int day);
/* back again */
void calendar_date(int64_t days, int64_t *year, int *month, int *day);
int calendar_month_length(int64_t year, int month);

/* The zone at *p: +0100, +01:00, +01, Z, UTC, GMT. 1 with the seconds east of UTC and *p behind it; 0 */
int calendar_zone(const char **p, const char *end, int *offset);
/* 30s 5m 1h 1d 1w, or a number of seconds; -1 with *why */
int calendar_width(struct text t, int64_t *seconds, struct why *why);

/* Buckets of equal width, counted from 1970-01-01 00:00 in the zone of offset; whole weeks from a Monday. */
enum { BUCKET_TEXT = 40 };
struct bucket {
  int64_t width, shift, start; /* start: of the one whose text is below */
  int offset;
  size_t length;
  char text[BUCKET_TEXT];
};

/* width in seconds, at least 1 */
void bucket_init(struct bucket *b, int64_t width, int offset);
/* The start of the bucket that seconds lie in, as text ("2023-01-31T23:55:00Z"; "2023-01-31" when the width is of whole days),
** which stays valid until the next call. 1; 0 when seconds are no number or not in the years 1 to 9999 */
int bucket_of(struct bucket *b, const struct value *seconds, struct text *t);

#endif
