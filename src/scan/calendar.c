/* Days are counted from 1 March of year 0: then the leap day is the last of its year, and the days before a month follow
** from a line (153 days in five months). */
#include "scan/calendar.h"

#include <math.h>
#include <stdio.h>
#include <strings.h>

enum { ERA_YEARS = 400, ERA_DAYS = 146097, YEAR_ONE_TO_1970 = 719468 /* days from 0000-03-01 to 1970-01-01 */ };
#define FIRST_SECOND (-62135596800) /* of year 1 */
#define LAST_SECOND 253402300799    /* of year 9999 */

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b < 0);
}

int64_t calendar_days(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = floor_div(year, ERA_YEARS), of_era = year - era * ERA_YEARS;
  int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + of_year - YEAR_ONE_TO_1970;
}

void calendar_date(int64_t days, int64_t *year, int *month, int *day) {
  days += YEAR_ONE_TO_1970;
  int64_t era = floor_div(days, ERA_DAYS), of_era = days - era * ERA_DAYS;
  int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
  *day = (int)(of_year - (153 * m + 2) / 5 + 1);
  *month = (int)(m < 10 ? m + 3 : m - 9);
  *year = y + era * ERA_YEARS + (*month <= 2);
}

static bool is_leap(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int calendar_month_length(int64_t year, int month) {
  static const int length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return length[month - 1] + (month == 2 && is_leap(year));
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static int two_digits(const char *p, const char *end) {
  return end - p >= 2 && is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}

static int named_zone(const char **p, const char *end, const char *name) {
  size_t n = strlen(name);
  if ((size_t)(end - *p) < n || strncasecmp(*p, name, n) != 0) return 0;
  *p += n;
  return 1;
}

int calendar_zone(const char **p, const char *end, int *offset) {
  *offset = 0;
  if (*p == end) return 0;
  if (**p != '+' && **p != '-')
    return named_zone(p, end, "UTC") || named_zone(p, end, "GMT") || named_zone(p, end, "Z");
  const char *q = *p + 1;
  int sign = **p == '-' ? -1 : 1, hours = two_digits(q, end);
  if (hours < 0 || hours > 23) return 0;
  q += 2;
  int minutes = two_digits(q + (q < end && *q == ':'), end);
  if (minutes > 59) return 0;
  if (minutes >= 0) q += 2 + (*q == ':');
  *offset = sign * (hours * 3600 + (minutes < 0 ? 0 : minutes) * 60);
  *p = q;
  return 1;
}

int calendar_width(struct text t, int64_t *seconds, struct why *why) {
  static const char units[] = "smhdw";
  static const int64_t worth[] = {1, 60, 3600, DAY, 7 * DAY};
  int64_t number = 0;
  size_t i = 0;
  for (; i < t.n && is_digit(t.p[i]) && number < LAST_SECOND; i++) number = number * 10 + (t.p[i] - '0');
  const char *unit = i + 1 == t.n ? memchr(units, t.p[i], 5) : i == t.n ? units : NULL;
  if (number > 0 && number <= LAST_SECOND / (7 * DAY) && unit) {
    *seconds = number * worth[unit - units];
    return 0;
  }
  return why_set(why, "'%.*s' is no width of time; they are written 30s, 5m, 1h, 1d, 1w", t.n < 100 ? (int)t.n : 100,
                 t.p);
}

static size_t put_date(int64_t days, char *out) {
  int64_t year;
  int month, day;
  calendar_date(days, &year, &month, &day);
  return (size_t)snprintf(out, BUCKET_TEXT, "%04d-%02d-%02d", (int)year, month, day);
}

static size_t put_zone(int offset, char *out) {
  int minutes = (offset < 0 ? -offset : offset) / 60;
  if (minutes == 0) return (size_t)sprintf(out, "Z");
  return (size_t)sprintf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60 % 24, minutes % 60);
}

static size_t put_time(int64_t local, int offset, char *out) {
  int64_t days = floor_div(local, DAY);
  int second = (int)(local - days * DAY);
  size_t n = put_date(days, out);
  n += (size_t)sprintf(out + n, "T%02d:%02d:%02d", second / 3600, second / 60 % 60, second % 60);
  return n + put_zone(offset, out + n);
}

/* the second a time lies in; false when out of range */
static bool whole_seconds(const struct value *seconds, int offset, int64_t *whole) {
  struct value number;
  enum value_kind kind = value_numeric(seconds, &number);
  if (kind != VALUE_INTEGER && kind != VALUE_NUMBER) return false;
  double d = value_double(&number);
  if (!(d >= FIRST_SECOND && d <= LAST_SECOND)) return false;
  *whole = kind == VALUE_INTEGER ? number.integer : (int64_t)floor(d);
  return *whole + offset >= FIRST_SECOND && *whole + offset <= LAST_SECOND;
}

void bucket_init(struct bucket *b, int64_t width, int offset) {
  bool weeks = width % (7 * DAY) == 0; /* 1970 began on a Thursday, its first Monday was the 5th */
  *b = (struct bucket){.width = width, .shift = weeks ? 4 * DAY : 0, .offset = offset};
}

int bucket_of(struct bucket *b, const struct value *seconds, struct text *t) {
  int64_t whole;
  if (!whole_seconds(seconds, b->offset, &whole)) return 0;
  int64_t local = whole + b->offset - b->shift, start = floor_div(local, b->width) * b->width + b->shift;
  if (start < FIRST_SECOND) return 0;
  if (b->length == 0 || start != b->start) {
    b->length = b->width % DAY == 0 ? put_date(floor_div(start, DAY), b->text) : put_time(start, b->offset, b->text);
    b->start = start;
  }
  *t = (struct text){b->text, b->length};
  return 1;
}
