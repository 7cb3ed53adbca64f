/* A format is compiled to a list of steps. Most records have the time of the record before, or at least its date, so
** two things are remembered: the last text with its seconds, and how far the reading had come when the time of day
** began. A text that begins with the same date goes on from there. */
#include "scan/timeform.h"

#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "scan/calendar.h"

enum { KEPT = 64 }; /* bytes of the last text; longer ones are not remembered */

enum step_kind {
  STEP_BYTE,
  STEP_BLANKS,
  STEP_YEAR,
  STEP_SHORT_YEAR,
  STEP_MONTH,
  STEP_MONTH_NAME,
  STEP_DAY,
  STEP_DAY_OF_YEAR,
  STEP_WEEKDAY,
  STEP_HOUR, /* from here on, the time of day */
  STEP_HOUR_12,
  STEP_HALF,
  STEP_MINUTE,
  STEP_SECOND,
  STEP_FRACTION,
  STEP_ZONE,
  STEP_EPOCH,
  STEP_ISO,   /* the whole format, */
  STEP_SYSLOG /* and so is this */
};

struct step {
  enum step_kind kind;
  char byte;
};

/* what has been read */
struct reading {
  int year, month, day, of_year;  /* of_year: 0 when not read */
  int hour, minute, second, half; /* half: -1 when not read, else 0 for AM, 1 for PM */
  int nanos, offset;
  bool fraction;
  int64_t epoch;
};

struct timeform {
  size_t n, clock; /* steps; the first one of the time of day; 0: see clock_start */
  struct step *step;
  bool from_epoch;
  double unit; /* of epoch_ms and so on; 0 for all other formats */
  struct reading start;
  /* remembered */
  size_t dated; /* bytes read when `clock` was reached; 0: nothing yet */
  struct reading date;
  size_t kept;
  char last[KEPT];
  struct value seconds; /* of `last` */
};

static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                     "july",    "august",   "september", "october", "november", "december"};
static const char *const weekdays[] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

/* ---- reading: each function steps *p forward, or says false ---- */

static bool is_digit(char c) {
  return (unsigned char)(c - '0') < 10;
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static bool read_digits(const char **p, const char *end, int least, int most, int *to) {
  int value = 0, n = 0;
  for (; n < most && *p < end && is_digit(**p); ++*p, n++) value = value * 10 + (**p - '0');
  *to = value;
  return n >= least;
}

static bool read_between(const char **p, const char *end, int digits, int low, int high, int *to) {
  return read_digits(p, end, 1, digits, to) && *to >= low && *to <= high;
}

static bool starts_with(const char *p, const char *end, const char *name, size_t n) {
  return (size_t)(end - p) >= n && strncasecmp(p, name, n) == 0;
}

/* a name, or its first three letters; its number, or -1 */
static int read_name(const char **p, const char *end, const char *const *names, int n) {
  for (int i = 0; i < n; i++) {
    if (!starts_with(*p, end, names[i], 3)) continue;
    size_t whole = strlen(names[i]);
    *p += starts_with(*p, end, names[i], whole) ? whole : 3;
    return i;
  }
  return -1;
}

static bool read_fraction(const char **p, const char *end, struct reading *r) {
  int digits = 0;
  r->nanos = 0;
  for (; *p < end && is_digit(**p); ++*p, digits++)
    if (digits < 9) r->nanos = r->nanos * 10 + (**p - '0');
  for (int i = digits; i < 9; i++) r->nanos *= 10;
  r->fraction = digits > 0;
  return digits > 0;
}

static bool read_epoch(const char **p, const char *end, int64_t *epoch) {
  bool minus = *p < end && **p == '-';
  *p += minus;
  const char *start = *p;
  *epoch = 0;
  for (; *p < end && is_digit(**p); ++*p) {
    if (*p - start == 15) return false;
    *epoch = *epoch * 10 + (**p - '0');
  }
  if (minus) *epoch = -*epoch;
  return *p > start;
}

static bool read_half(const char **p, const char *end, int *half) {
  *half = starts_with(*p, end, "pm", 2);
  bool ok = *half || starts_with(*p, end, "am", 2);
  *p += ok ? 2 : 0;
  return ok;
}

static bool read_blanks(const char **p, const char *end) {
  const char *start = *p;
  while (*p < end && is_blank(**p)) ++*p;
  return *p > start;
}

static bool read_byte(const char **p, const char *end, char byte) {
  bool ok = *p < end && **p == byte;
  *p += ok;
  return ok;
}

/* hour, minute and, if there, second and fraction; with colons or without */
static bool read_iso_clock(const char **p, const char *end, struct reading *r) {
  if (!read_digits(p, end, 2, 2, &r->hour)) return false;
  bool colons = read_byte(p, end, ':');
  if (!read_digits(p, end, 2, 2, &r->minute)) return false;
  if (*p < end && (colons ? **p == ':' : is_digit(**p))) {
    *p += colons;
    if (!read_digits(p, end, 2, 2, &r->second)) return false;
    if (read_byte(p, end, '.') || read_byte(p, end, ',')) return read_fraction(p, end, r);
  }
  return true;
}

static bool read_iso(const char **p, const char *end, struct reading *r) {
  if (!read_digits(p, end, 4, 4, &r->year)) return false;
  bool dashes = read_byte(p, end, '-');
  if (!read_digits(p, end, 2, 2, &r->month) || (dashes && !read_byte(p, end, '-'))) return false;
  if (!read_digits(p, end, 2, 2, &r->day)) return false;
  if (*p == end) return true;
  if (!read_byte(p, end, 'T') && !read_byte(p, end, 't') && !read_byte(p, end, ' ')) return false;
  if (!read_iso_clock(p, end, r)) return false;
  read_blanks(p, end);
  return *p == end || calendar_zone(p, end, &r->offset);
}

/* what the older syslog writes, or what the newer one does */
static bool read_syslog(const char **p, const char *end, struct reading *r) {
  if (*p < end && is_digit(**p)) return read_iso(p, end, r);
  r->month = read_name(p, end, months, 12) + 1;
  return r->month > 0 && read_blanks(p, end) && read_between(p, end, 2, 1, 31, &r->day) && read_blanks(p, end) &&
         read_iso_clock(p, end, r);
}

static bool read_step(const struct step *s, const char **p, const char *end, struct reading *r) {
  switch (s->kind) {
    case STEP_BYTE: return read_byte(p, end, s->byte);
    case STEP_BLANKS: return read_blanks(p, end);
    case STEP_YEAR: return read_digits(p, end, 4, 4, &r->year);
    case STEP_SHORT_YEAR:
      if (!read_digits(p, end, 2, 2, &r->year)) return false;
      r->year += r->year < 69 ? 2000 : 1900;
      return true;
    case STEP_MONTH: return read_between(p, end, 2, 1, 12, &r->month);
    case STEP_MONTH_NAME: return (r->month = read_name(p, end, months, 12) + 1) > 0;
    case STEP_DAY: read_blanks(p, end); return read_between(p, end, 2, 1, 31, &r->day);
    case STEP_DAY_OF_YEAR: return read_between(p, end, 3, 1, 366, &r->of_year);
    case STEP_WEEKDAY: return read_name(p, end, weekdays, 7) >= 0;
    case STEP_HOUR: return read_between(p, end, 2, 0, 23, &r->hour);
    case STEP_HOUR_12: return read_between(p, end, 2, 1, 12, &r->hour);
    case STEP_HALF: return read_half(p, end, &r->half);
    case STEP_MINUTE: return read_between(p, end, 2, 0, 59, &r->minute);
    case STEP_SECOND: return read_between(p, end, 2, 0, 60, &r->second);
    case STEP_FRACTION: return read_fraction(p, end, r);
    case STEP_ZONE: return calendar_zone(p, end, &r->offset);
    case STEP_EPOCH: return read_epoch(p, end, &r->epoch);
    case STEP_ISO: return read_iso(p, end, r);
    case STEP_SYSLOG: return read_syslog(p, end, r);
  }
  return false;
}

static bool read_text(struct timeform *f, struct text t, struct reading *r) {
  const char *p = t.p, *end = p + t.n;
  size_t i = 0;
  *r = f->start;
  if (f->dated && t.n > f->dated && !is_blank(t.p[f->dated]) && memcmp(t.p, f->last, f->dated) == 0) {
    *r = f->date;
    p += f->dated;
    i = f->clock;
  }
  for (; i < f->n; i++) {
    if (i == f->clock && i > 0) {
      f->dated = t.n <= KEPT ? (size_t)(p - t.p) : 0;
      f->date = *r;
      f->kept = 0; /* `last` is about to hold this text, */
      if (f->dated) memcpy(f->last, t.p, f->dated);
    }
    if (!read_step(&f->step[i], &p, end, r)) return false;
  }
  return p == end;
}

/* ---- what was read, as seconds ---- */

static bool is_valid(const struct reading *r) {
  if (r->month < 1 || r->month > 12 || r->year < 1) return false;
  if (r->of_year > 365 + (calendar_month_length(r->year, 2) == 29)) return false;
  return r->day >= 1 && r->day <= calendar_month_length(r->year, r->month) && r->hour <= 23 && r->minute <= 59 &&
         r->second <= 60;
}

static int hour_of(const struct reading *r) {
  return r->half < 0 ? r->hour : r->hour % 12 + 12 * r->half;
}

static bool to_seconds(const struct timeform *f, const struct reading *r, struct value *seconds) {
  int64_t s = r->epoch;
  if (!f->from_epoch) {
    if (!is_valid(r)) return false;
    int64_t days = r->of_year ? calendar_days(r->year, 1, r->of_year) : calendar_days(r->year, r->month, r->day);
    s = days * DAY + hour_of(r) * 3600 + r->minute * 60 + r->second - r->offset;
  }
  *seconds = r->fraction ? value_number((double)s + r->nanos / 1e9) : value_integer(s);
  return true;
}

/* epoch, epoch_ms and so on: a number */
static int parse_number(const struct timeform *f, struct text t, struct value *seconds) {
  enum value_kind kind = value_parse(t.p, t.n, seconds);
  if (kind != VALUE_INTEGER && kind != VALUE_NUMBER) return 0;
  int64_t unit = (int64_t)f->unit;
  if (unit == 1) return 1;
  if (kind == VALUE_INTEGER && seconds->integer % unit == 0) *seconds = value_integer(seconds->integer / unit);
  else *seconds = value_number(value_double(seconds) / f->unit);
  return 1;
}

int timeform_parse(struct timeform *f, struct text t, struct value *seconds) {
  if (f->unit != 0) return parse_number(f, t, seconds);
  if (f->kept && text_is(t, f->last, f->kept)) {
    *seconds = f->seconds;
    return 1;
  }
  struct reading r;
  if (!read_text(f, t, &r) || !to_seconds(f, &r, seconds)) return 0;
  f->kept = t.n <= KEPT ? t.n : 0;
  if (f->kept) memcpy(f->last, t.p, t.n);
  else f->dated = 0; /* what it refers to is gone */
  f->seconds = *seconds;
  return 1;
}

/* ---- compiling ---- */

static const struct {
  char letter;
  enum step_kind kind;
  const char *means; /* other conversions */
} conversions[] = {{'Y', STEP_YEAR, NULL},       {'y', STEP_SHORT_YEAR, NULL}, {'m', STEP_MONTH, NULL},
                   {'b', STEP_MONTH_NAME, NULL}, {'B', STEP_MONTH_NAME, NULL}, {'h', STEP_MONTH_NAME, NULL},
                   {'d', STEP_DAY, NULL},        {'e', STEP_DAY, NULL},        {'j', STEP_DAY_OF_YEAR, NULL},
                   {'a', STEP_WEEKDAY, NULL},    {'A', STEP_WEEKDAY, NULL},    {'H', STEP_HOUR, NULL},
                   {'I', STEP_HOUR_12, NULL},    {'p', STEP_HALF, NULL},       {'M', STEP_MINUTE, NULL},
                   {'S', STEP_SECOND, NULL},     {'f', STEP_FRACTION, NULL},   {'z', STEP_ZONE, NULL},
                   {'s', STEP_EPOCH, NULL},      {'T', STEP_BYTE, "%H:%M:%S"}, {'D', STEP_BYTE, "%m/%d/%y"},
                   {'F', STEP_BYTE, "%Y-%m-%d"}, {'R', STEP_BYTE, "%H:%M"}};

static const struct {
  const char *name, *format;
  double unit;
} named[] = {{"apache", "%d/%b/%Y:%H:%M:%S %z", 0},
             {"syslog", "%b %e %H:%M:%S", 0},
             {"epoch", "", 1},
             {"epoch_ms", "", 1e3},
             {"epoch_us", "", 1e6},
             {"epoch_ns", "", 1e9}};

static int add_step(struct timeform *f, enum step_kind kind, char byte, struct text format, struct why *why) {
  for (size_t i = 0; kind > STEP_BLANKS && i < f->n; i++)
    if (f->step[i].kind == kind)
      return why_set(why, "time format '%.*s' says something twice", (int)format.n, format.p);
  f->step[f->n++] = (struct step){kind, byte};
  return 0;
}

static int compile(struct timeform *f, struct text part, struct text format, struct why *why);

static int add_conversion(struct timeform *f, char letter, struct text format, struct why *why) {
  if (letter == '%') return add_step(f, STEP_BYTE, '%', format, why);
  for (size_t i = 0; i < sizeof conversions / sizeof *conversions; i++) {
    if (conversions[i].letter != letter) continue;
    if (conversions[i].means) return compile(f, text_of(conversions[i].means), format, why);
    return add_step(f, conversions[i].kind, 0, format, why);
  }
  return why_set(why, "time format '%.*s': there is no %%%c", (int)format.n, format.p, letter);
}

static int compile(struct timeform *f, struct text part, struct text format, struct why *why) {
  for (const char *p = part.p, *end = p + part.n; p < end; p++) {
    int rc;
    if (*p == '%' && end - p == 1) return why_set(why, "time format '%.*s' ends with a %%", (int)format.n, format.p);
    if (*p == '%') rc = add_conversion(f, *++p, format, why);
    else if (*p != ' ') rc = add_step(f, STEP_BYTE, *p, format, why);
    else rc = f->n && f->step[f->n - 1].kind == STEP_BLANKS ? 0 : add_step(f, STEP_BLANKS, 0, format, why);
    if (rc != 0) return -1;
  }
  return 0;
}

static bool has_step(const struct timeform *f, enum step_kind kind) {
  for (size_t i = 0; i < f->n; i++)
    if (f->step[i].kind == kind) return true;
  return false;
}

/* Where the time of day starts, if something ends what stands before it: a byte or blanks of the format's own. */
static size_t clock_start(const struct timeform *f) {
  size_t i = 0;
  while (i < f->n && f->step[i].kind < STEP_HOUR) i++;
  return i > 0 && i < f->n && f->step[i - 1].kind <= STEP_BLANKS ? i : 0;
}

static int settle(struct timeform *f, struct text format, struct why *why) {
  bool month = has_step(f, STEP_MONTH) || has_step(f, STEP_MONTH_NAME);
  bool year = has_step(f, STEP_YEAR) || has_step(f, STEP_SHORT_YEAR);
  f->from_epoch = has_step(f, STEP_EPOCH);
  if (!f->from_epoch && !year && !(month && has_step(f, STEP_DAY)) && !has_step(f, STEP_DAY_OF_YEAR))
    return why_set(why, "time format '%.*s' has no date", (int)format.n, format.p);
  f->clock = clock_start(f);
  return 0;
}

static int current_year(void) {
  time_t now = time(NULL);
  struct tm tm;
  return gmtime_r(&now, &tm) ? tm.tm_year + 1900 : 1970;
}

static int make(struct timeform *f, struct text format, struct why *why) {
  if (text_is(format, "iso", 3)) return add_step(f, STEP_ISO, 0, format, why);
  if (text_is(format, "syslog", 6)) return add_step(f, STEP_SYSLOG, 0, format, why);
  for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
    if (!text_is(format, named[i].name, strlen(named[i].name))) continue;
    f->unit = named[i].unit;
    format = text_of(named[i].format);
    if (f->unit != 0) return 0;
  }
  if (format.n == 0 || !memchr(format.p, '%', format.n))
    return why_set(
        why,
        "no time format '%.*s'; they are iso, apache, syslog, epoch, epoch_ms, epoch_us, epoch_ns, or like %%Y-%%m-%%d",
        (int)format.n, format.p);
  return compile(f, format, format, why) == 0 ? settle(f, format, why) : -1;
}

struct timeform *timeform_new(struct text format, const struct time_place *place, struct why *why) {
  if (format.n > 200) return why_set(why, "time format: longer than 200 bytes"), NULL;
  struct timeform *f = calloc(1, sizeof *f);
  struct step *step = calloc(format.n * 4 + 32, sizeof *step); /* %T is five steps */
  if (!f || !step) {
    why_set(why, "time format:");
    free(f);
    free(step);
    return NULL;
  }
  int year = place->year ? place->year : current_year();
  f->step = step;
  f->start = (struct reading){.year = year, .month = 1, .day = 1, .half = -1, .offset = place->offset};
  if (make(f, format, why) == 0) return f;
  timeform_free(f);
  return NULL;
}

void timeform_free(struct timeform *f) {
  if (!f) return;
  free(f->step);
  free(f);
}
