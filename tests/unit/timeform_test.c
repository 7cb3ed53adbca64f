/* timeform and calendar: times against the C library's, formats, zones, buckets. */
#include "scan/timeform.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "scan/calendar.h"

static uint64_t seed = 3;
static uint64_t rnd(uint64_t n) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return (seed >> 8) % n;
}

static struct timeform *made(const char *format, int year, int offset) {
  struct why why;
  struct time_place place = {year, offset};
  struct timeform *f = timeform_new(text_of(format), &place, &why);
  if (!f) fail_msg("%s", why.text);
  return f;
}

static void claim_time(const char *format, const char *text, int64_t seconds) {
  struct timeform *f = made(format, 2024, 0);
  struct value v;
  for (int again = 0; again < 2; again++) { /* the second time from memory */
    if (timeform_parse(f, text_of(text), &v) != 1) fail_msg("%s is no %s", text, format);
    assert_int_equal(v.kind, VALUE_INTEGER);
    assert_int_equal(v.integer, seconds);
  }
  timeform_free(f);
}

static void claim_fraction(const char *format, const char *text, double seconds) {
  struct timeform *f = made(format, 2024, 0);
  struct value v;
  assert_int_equal(timeform_parse(f, text_of(text), &v), 1);
  assert_int_equal(v.kind, VALUE_NUMBER);
  assert_true(v.number == seconds);
  timeform_free(f);
}

static void claim_no_time(const char *format, const char *text) {
  struct timeform *f = made(format, 2023, 0);
  struct value v;
  if (timeform_parse(f, text_of(text), &v) != 0) fail_msg("%s is a %s", text, format);
  timeform_free(f);
}

static void claim_refused(const char *format, const char *part) {
  struct why why = {""};
  struct time_place place = {0, 0};
  assert_null(timeform_new(text_of(format), &place, &why));
  if (!strstr(why.text, part)) fail_msg("%s: said '%s'", format, why.text);
}

static void test_dates_are_those_of_the_c_library(void **state) {
  (void)state;
  for (int64_t day = -719162; day <= 2932896; day += 1 + (int64_t)rnd(200)) { /* years 1 to 9999 */
    time_t t = (time_t)(day * DAY);
    struct tm tm;
    gmtime_r(&t, &tm);
    int64_t year;
    int month, d;
    calendar_date(day, &year, &month, &d);
    assert_int_equal(year, tm.tm_year + 1900);
    assert_int_equal(month, tm.tm_mon + 1);
    assert_int_equal(d, tm.tm_mday);
    assert_int_equal(calendar_days(year, month, d), day);
  }
}

static void test_what_strftime_writes_is_read(void **state) {
  (void)state;
  static const char *const formats[] = {"%Y-%m-%d %H:%M:%S",
                                        "%d/%b/%Y:%H:%M:%S",
                                        "%A, %d %B %Y %I:%M:%S %p",
                                        "%a %b %e %T %Y",
                                        "%Y%m%d%H%M%S",
                                        "%y-%j %R:%S",
                                        "%s",
                                        "%FT%T%z"};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    struct timeform *f = made(formats[i], 0, 0);
    time_t t = 0;
    for (int k = 0; k < 3000; k++) {
      char text[100];
      struct tm tm;
      struct value v;
      t += (time_t)rnd(rnd(4) ? 3 : 2000000);
      if (t > 2000000000) t = 0;
      gmtime_r(&t, &tm);
      strftime(text, sizeof text, formats[i], &tm);
      if (timeform_parse(f, text_of(text), &v) != 1) fail_msg("%s is no %s", text, formats[i]);
      if (v.integer != t) fail_msg("%s as %s is %lld, not %lld", text, formats[i], (long long)v.integer, (long long)t);
    }
    timeform_free(f);
  }
}

static void test_formats_by_name(void **state) {
  (void)state;
  claim_time("apache", "01/Jan/2023:00:00:00 +0000", 1672531200);
  claim_time("apache", "01/Jan/2023:00:00:00 +0100", 1672527600);
  claim_time("apache", "31/dec/2022:23:30:00 -0130", 1672534800);
  claim_time("syslog", "Feb 29 12:00:00", 1709208000);
  claim_time("syslog", "Jan  1 00:00:00", 1704067200);
  claim_time("syslog", "2023-01-01T01:00:00+01:00", 1672531200);
  claim_fraction("syslog", "Jan  1 00:00:00.5", 1704067200.5);
  claim_time("epoch", "1672531200", 1672531200);
  claim_fraction("epoch", "1672531200.25", 1672531200.25);
  claim_time("epoch_ms", "1672531200000", 1672531200);
  claim_fraction("epoch_ms", "1672531200500", 1672531200.5);
  claim_time("epoch_us", "1672531200000000", 1672531200);
  claim_time("epoch_ns", "1672531200000000000", 1672531200);
  claim_time("iso", "2023-01-01", 1672531200);
  claim_time("iso", "2023-01-01T00:00:00Z", 1672531200);
  claim_time("iso", "2023-01-01 01:00:00 +01:00", 1672531200);
  claim_time("iso", "2022-12-31t19:00-05", 1672531200);
  claim_time("iso", "20230101T000000+0000", 1672531200);
  claim_time("iso", "2016-12-31T23:59:60Z", 1483228800);
  claim_fraction("iso", "2023-01-01T00:00:00.125Z", 1672531200.125);
  claim_fraction("iso", "2023-01-01 00:00:00,5", 1672531200.5);
}

static void test_conversions(void **state) {
  (void)state;
  claim_time("%d.%m.%y %H:%M", "1.1.23 0:00", 1672531200);
  claim_time("%d.%m.%y", "01.01.69", -31536000);
  claim_time("%Y %B %d", "2023 january 1", 1672531200);
  claim_time("%Y %b %d", "2023 JAN 1", 1672531200);
  claim_time("%I:%M %p %F", "12:00 am 2023-01-01", 1672531200);
  claim_time("%I:%M %p %F", "12:30 PM 2023-01-01", 1672576200);
  claim_time("%Y-%j", "2024-366", 1735603200);
  claim_time("%F %T %z", "2023-01-01   00:00:00 Z", 1672531200);
  claim_time("%%%F", "%2023-01-01", 1672531200);
  claim_fraction("%F %T.%f", "2023-01-01 00:00:00.000001", 1672531200.000001);
  claim_fraction("%s.%f", "1672531200.5", 1672531200.5);
}

static void test_times_without_zone_or_year_are_where_they_are_said_to_be(void **state) {
  (void)state;
  struct value v;
  struct timeform *f = made("syslog", 2023, 3600);
  assert_int_equal(timeform_parse(f, text_of("Jan  1 01:00:00"), &v), 1);
  assert_int_equal(v.integer, 1672531200);
  assert_int_equal(timeform_parse(f, text_of("Feb 29 01:00:00"), &v), 0);
  timeform_free(f);
  f = made("iso", 0, -7200);
  assert_int_equal(timeform_parse(f, text_of("2023-01-01T00:00:00Z"), &v), 1);
  assert_int_equal(v.integer, 1672531200);
  assert_int_equal(timeform_parse(f, text_of("2022-12-31T22:00:00"), &v), 1);
  assert_int_equal(v.integer, 1672531200);
  timeform_free(f);
  time_t now = time(NULL);
  struct tm tm;
  gmtime_r(&now, &tm);
  f = made("%m-%d", 0, 0);
  assert_int_equal(timeform_parse(f, text_of("01-01"), &v), 1);
  assert_int_equal(v.integer, calendar_days(tm.tm_year + 1900, 1, 1) * DAY);
  timeform_free(f);
}

static void test_what_does_not_exist_is_no_time(void **state) {
  (void)state;
  claim_no_time("iso", "2023-02-29");
  claim_no_time("iso", "2023-13-01");
  claim_no_time("iso", "2023-00-01");
  claim_no_time("iso", "2023-01-00");
  claim_no_time("iso", "2023-01-01T24:00:00");
  claim_no_time("iso", "2023-01-01T00:00:61");
  claim_no_time("iso", "2023-01-01T");
  claim_no_time("iso", "2023-01-01T00:00:00Zx");
  claim_no_time("iso", "2023-01-01T00:00:00+");
  claim_no_time("iso", "");
  claim_no_time("syslog", "Feb 30 00:00:00");
  claim_no_time("syslog", "Foo  1 00:00:00");
  claim_no_time("apache", "31/Feb/2023:00:00:00 +0000");
  claim_no_time("apache", "01/Jan/2023:00:00:00");
  claim_no_time("apache", "01/Jan/2023:00:00:00 +0000 ");
  claim_no_time("apache", "-");
  claim_no_time("%Y-%j", "2023-366");
  claim_no_time("epoch", "soon");
  claim_no_time("epoch", "-");
  claim_no_time("%H:%M %F", "24:00 2023-01-01");
}

static void test_formats_are_checked(void **state) {
  (void)state;
  claim_refused("%Q", "there is no %Q");
  claim_refused("%Y%", "ends with a %");
  claim_refused("%d %e %m", "something twice");
  claim_refused("%F %Y", "something twice");
  claim_refused("%H:%M", "has no date");
  claim_refused("apachee", "they are iso");
  claim_refused("", "they are iso");
}

/* what is remembered of one text must not change what the next one means */
static void test_memory_changes_nothing(void **state) {
  (void)state;
  static const char *const formats[] = {"apache",   "syslog", "%b %e %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d%m%Y%H",
                                        "%bc%Y %H", "iso"};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    struct timeform *kept = made(formats[i], 2023, 0);
    for (int k = 0; k < 20000; k++) {
      static char text[80] = "01/Jan/2023:00:00:00 +0000";
      static const char *const starts[] = {"01/Jan/2023:00:00:00 +0000", "Jan  1 00:00:00", "2023-01-01 00:00:00",
                                           "0101202300", "Marc2023 05"};
      if (rnd(10) == 0) strcpy(text, starts[rnd(5)]);
      text[rnd(strlen(text) ? strlen(text) : 1)] = "0123456789 :/-+JanFebMrch"[rnd(25)];
      struct timeform *fresh = made(formats[i], 2023, 0);
      struct value a = value_none(), b = value_none();
      int rc = timeform_parse(kept, text_of(text), &a);
      assert_int_equal(timeform_parse(fresh, text_of(text), &b), rc);
      if (rc) assert_int_equal(a.integer, b.integer);
      timeform_free(fresh);
    }
    timeform_free(kept);
  }
}

static void claim_bucket(const char *width, int offset, double seconds, const char *expected) {
  struct why why;
  struct bucket b;
  struct text t;
  struct value v = value_number(seconds);
  int64_t w;
  if (calendar_width(text_of(width), &w, &why) != 0) fail_msg("%s", why.text);
  bucket_init(&b, w, offset);
  for (int again = 0; again < 2; again++) {
    assert_int_equal(bucket_of(&b, &v, &t), 1);
    if (!text_is(t, expected, strlen(expected))) fail_msg("%s, not %s", t.p, expected);
  }
}

static void test_buckets(void **state) {
  (void)state;
  claim_bucket("5m", 0, 1672531199, "2022-12-31T23:55:00Z");
  claim_bucket("5m", 0, 1672531200, "2023-01-01T00:00:00Z");
  claim_bucket("30s", 0, 1672531259.9, "2023-01-01T00:00:30Z");
  claim_bucket("1h", 19800, 1672531200, "2023-01-01T05:00:00+05:30");
  claim_bucket("1d", 0, 1672531200 + 86399, "2023-01-01");
  claim_bucket("1d", -3600, 1672531200, "2022-12-31");
  claim_bucket("1w", 0, 1672531200, "2022-12-26");
  claim_bucket("1w", 0, 1672617600, "2023-01-02");
  claim_bucket("90", 0, 89, "1970-01-01T00:00:00Z");
  claim_bucket("1h", 0, -0.5, "1969-12-31T23:00:00Z");
}

static void test_buckets_know_what_they_cannot_hold(void **state) {
  (void)state;
  struct why why;
  struct bucket b;
  struct text t;
  int64_t w;
  static const char *const widths[] = {"", "m", "5x", "0s", "-5m", "5 m", "1.5h", "999999999999w"};
  for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
    if (calendar_width(text_of(widths[i]), &w, &why) == 0) fail_msg("accepted: %s", widths[i]);
  bucket_init(&b, 60, 0);
  struct value bad[] = {value_none(), value_null(), value_of_text("x", 1), value_number(1e300),
                        value_integer(INT64_MIN)};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(bucket_of(&b, &bad[i], &t), 0);
  struct value text = value_of_text("1672531200", 10);
  assert_int_equal(bucket_of(&b, &text, &t), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dates_are_those_of_the_c_library),
      cmocka_unit_test(test_what_strftime_writes_is_read),
      cmocka_unit_test(test_formats_by_name),
      cmocka_unit_test(test_conversions),
      cmocka_unit_test(test_times_without_zone_or_year_are_where_they_are_said_to_be),
      cmocka_unit_test(test_what_does_not_exist_is_no_time),
      cmocka_unit_test(test_formats_are_checked),
      cmocka_unit_test(test_memory_changes_nothing),
      cmocka_unit_test(test_buckets),
      cmocka_unit_test(test_buckets_know_what_they_cannot_hold),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
