/* csvcut: where records of csv end, case by case; fuzz_csvcut.c compares them with a plain way of cutting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "scan/csvcut.h"

/* the records of a text, with a bar behind each; what is left in brackets */
static const char *cut_by(csvcut_scan scan, const char *text, bool whole, ptrdiff_t most) {
  static char out[1000];
  size_t n = 0;
  struct csvcut c;
  const char *end;
  csvcut_init(&c, ',');
  c.scan = scan;
  if (most) c.most = most;
  csvcut_begin(&c, text, strlen(text), whole);
  for (const char *from = text; (end = csvcut_next(&c)) != NULL; from = end)
    n += (size_t)snprintf(out + n, sizeof out - n, "%.*s|", (int)(end - from), from);
  assert_null(csvcut_next(&c));
  snprintf(out + n, sizeof out - n, *c.record ? "[%s]" : "%s", c.record);
  return out;
}

static void must_be(const char *text, bool whole, ptrdiff_t most, const char *wanted) {
  csvcut_scan scan;
  for (unsigned i = 0; (scan = csvcut_scan_at(i)) != NULL; i++)
    assert_string_equal(cut_by(scan, text, whole, most), wanted);
}

static void whole(const char *text, const char *wanted) {
  must_be(text, true, 0, wanted);
}
static void part(const char *text, const char *wanted) {
  must_be(text, false, 0, wanted);
}

static void lines_are_records(void **state) {
  (void)state;
  whole("", "");
  whole("a,b\nc\r\n\nd", "a,b\n|c\r\n|\n|d|");
  part("a,b\nc", "a,b\n|[c]");
}

static void newlines_in_quotes_are_not_ends(void **state) {
  (void)state;
  whole("1,\"a\nb\"\n2\n", "1,\"a\nb\"\n|2\n|");
  whole("\"\n\"\"\n\",\"\n\"\r\nx", "\"\n\"\"\n\",\"\n\"\r\n|x|");
  whole("\"a\n\"", "\"a\n\"|");
  part("\"a\n\"", "[\"a\n\"]"); /* the quote may be doubled */
  part("\"a\n\"\r", "[\"a\n\"\r]");
  part("1\n\"a\n", "1\n|[\"a\n]");
}

static void quotes_in_bare_fields_are_text(void **state) {
  (void)state;
  whole("5\" pipe,x\"\n\"y\n", "5\" pipe,x\"\n|\"y\n|");
  whole(" \"a\nb\"\n", " \"a\n|b\"\n|");
}

static void slips_end_with_their_line(void **state) {
  (void)state;
  whole("1,\"a\n2,b\n", "1,\"a\n|2,b\n|");
  whole("1,\"a\nb\" c\n2\n", "1,\"a\n|b\" c\n|2\n|");
  whole("\"a\nb\",\"c\n2\n", "\"a\nb\",\"c\n|2\n|");
  whole("\"a\"\rb\n", "\"a\"\rb\n|");
  must_be("\"34\n6789\"\n1\n", true, 10, "\"34\n6789\"\n|1\n|");
  must_be("\"34\n6789\"\n1\n", true, 8, "\"34\n|6789\"\n|1\n|");
  must_be("\"34\n6789\"\n1", false, 8, "\"34\n|6789\"\n|[1]");
}

static void windows_end_anywhere(void **state) {
  (void)state;
  for (int pad = 0; pad < 200; pad++) {
    char text[300], wanted[300];
    snprintf(text, sizeof text, "%0*d,\"a\nb\"\r\n\"c\n\"\rd\n", pad, 0);
    snprintf(wanted, sizeof wanted, "%0*d,\"a\nb\"\r\n|\"c\n|\"\rd\n|", pad, 0);
    must_be(text, true, 1000, wanted);
  }
}

static void a_mark_is_no_field(void **state) {
  (void)state;
  whole("\xef\xbb\xbf\"a\nb\"\n1\n", "\xef\xbb\xbf\"a\nb\"\n|1\n|");
}

static void guessed(const char *text, size_t wanted) {
  struct csvcut c;
  csvcut_init(&c, ',');
  assert_int_equal(csvcut_guess(&c, text, strlen(text)), wanted);
}

static void the_first_quotes_tell_where_a_chunk_begins(void **state) {
  (void)state;
  guessed("1,2\n3,4\n", 0);
  guessed("1,\"a\"\n", 0);
  guessed("text\nends\",1\n2,3\n", 13);
  guessed("\"\"text\"\"\nends\"\n2,3\n", 15);
  guessed("ends\",\"a\nb\"\n2,3\n", 12);
  guessed("ends\",\"a\n", 9); /* that record's end is not there */
  guessed("", 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lines_are_records),
      cmocka_unit_test(newlines_in_quotes_are_not_ends),
      cmocka_unit_test(quotes_in_bare_fields_are_text),
      cmocka_unit_test(slips_end_with_their_line),
      cmocka_unit_test(windows_end_anywhere),
      cmocka_unit_test(a_mark_is_no_field),
      cmocka_unit_test(the_first_quotes_tell_where_a_chunk_begins),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
