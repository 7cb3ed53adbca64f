/* chunks, pieces and files: where a file is cut, and that every process reads the same bytes. */
#include "scan/chunks.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "scan/pieces.h"

static uint64_t seed = 7;
static unsigned rnd(unsigned n) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed >> 33) % n;
}

static char path[64];

static void write_file(const char *text, size_t n) {
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
  assert_int_equal(write(fd, text, n), (ssize_t)n);
  close(fd);
}

static int new_path(void **state) {
  (void)state;
  snprintf(path, sizeof path, "/tmp/papy_chunks_XXXXXX");
  int fd = mkstemp(path);
  return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state) {
  (void)state;
  unlink(path);
  return 0;
}

static struct file *opened(struct files *all) {
  struct why why;
  files_init(all);
  struct file *f = files_open(all, path, &why);
  if (!f) fail_msg("%s", why.text);
  return f;
}

/* the rule, said plainly and slowly */
static size_t expected_last(const char *text, size_t n, size_t at, size_t size) {
  for (size_t window = size;; window += size) {
    if (window >= n - at) return n - 1;
    const char *nl = memrchr(text + at, '\n', window);
    if (nl) return (size_t)(nl - text);
  }
}

static void check_cuts(const char *text, size_t n, size_t size) {
  struct files all;
  struct why why;
  write_file(text, n);
  struct file *f = opened(&all);
  struct chunks *c = malloc(sizeof *c);
  assert_int_equal(chunks_start(c, f, size, &why), 0);
  uint64_t first, last;
  size_t at = 0;
  while (at < n) {
    assert_int_equal(chunks_next(c, &first, &last, &why), 1);
    assert_int_equal(first, at);
    assert_int_equal(last, expected_last(text, n, at, size));
    at = last + 1;
  }
  assert_int_equal(chunks_next(c, &first, &last, &why), 0);
  assert_int_equal(chunks_next(c, &first, &last, &why), 0);
  free(c);
  file_let(&all, f);
  files_close(&all);
}

#define CUTS(text, size) check_cuts(text, sizeof(text) - 1, size)

static void test_small_files_are_cut_as_the_rule_says(void **state) {
  (void)state;
  CUTS("", 1);
  CUTS("a", 1);
  CUTS("\n", 1);
  CUTS("\n\n\n", 1);
  CUTS("\n\n\n", 2);
  CUTS("no newline at all", 3);
  CUTS("one\ntwo\nthree", 4);
  CUTS("one\ntwo\nthree\n", 100);
  CUTS("a long line first\nb\nc\n", 4);
}

static void test_documented_example_ends_at_1013(void **state) {
  (void)state;
  char text[4096];
  memset(text, 'x', sizeof text);
  text[500] = text[1013] = text[1100] = text[4000] = '\n';
  write_file(text, sizeof text);
  struct files all;
  struct why why;
  struct file *f = opened(&all);
  struct chunks *c = malloc(sizeof *c);
  uint64_t first, last;
  assert_int_equal(chunks_start(c, f, 1024, &why), 0);
  assert_int_equal(chunks_next(c, &first, &last, &why), 1);
  assert_int_equal(first, 0);
  assert_int_equal(last, 1013);
  free(c);
  files_close(&all);
}

static void test_random_files_and_sizes_are_cut_as_the_rule_says(void **state) {
  (void)state;
  static char text[100000];
  for (int round = 0; round < 400; round++) {
    size_t n = rnd(round % 8 ? 200 : sizeof text), line = 1 + rnd(round % 5 ? 20 : 40000);
    for (size_t i = 0; i < n; i++) text[i] = rnd((unsigned)line) ? 'a' : '\n';
    check_cuts(text, n, 1 + rnd(round % 3 ? 30 : 70000));
  }
}

static void test_long_line_costs_its_length_not_its_length_per_size(void **state) {
  (void)state;
  size_t n = 32 << 20;
  char *text = malloc(n);
  memset(text, 'x', n);
  text[n - 2] = '\n';
  struct files all;
  struct why why;
  write_file(text, n);
  struct file *f = opened(&all);
  struct chunks *c = malloc(sizeof *c);
  uint64_t first, last;
  assert_int_equal(chunks_start(c, f, 1, &why), 0);
  assert_int_equal(chunks_next(c, &first, &last, &why), 1);
  assert_int_equal(last, n - 2);
  assert_int_equal(chunks_next(c, &first, &last, &why), 1);
  assert_int_equal(last, n - 1);
  free(c);
  free(text);
  files_close(&all);
}

static void test_growth_is_not_seen_and_shrinking_is_an_error(void **state) {
  (void)state;
  static char text[300000];
  memset(text, 'x', sizeof text);
  for (size_t i = 99; i < sizeof text; i += 100) text[i] = '\n';
  write_file(text, sizeof text);
  struct files all;
  struct why why;
  struct file *f = opened(&all);
  struct chunks *c = malloc(sizeof *c);
  uint64_t first, last;
  assert_int_equal(chunks_start(c, f, 1 << 20, &why), 0);
  int fd = open(path, O_WRONLY | O_APPEND);
  assert_int_equal(write(fd, "more\n", 5), 5);
  assert_int_equal(chunks_next(c, &first, &last, &why), 1);
  assert_int_equal(last, sizeof text - 1);
  assert_int_equal(chunks_start(c, f, 100000, &why), 0);
  assert_int_equal(ftruncate(fd, 10), 0);
  assert_int_equal(chunks_next(c, &first, &last, &why), -1);
  assert_non_null(strstr(why.text, path));
  assert_non_null(strstr(why.text, "shrunk"));
  assert_int_equal(chunks_next(c, &first, &last, &why), 0);
  close(fd);
  free(c);
  files_close(&all);
}

static void test_pieces_are_whole_lines_and_all_of_them(void **state) {
  (void)state;
  size_t most = 700000;
  char *text = malloc(most);
  for (int round = 0; round < 60; round++) {
    size_t n = 1 + rnd((unsigned)most - 1), line = 1 + rnd(round % 4 ? 100 : 600000), at = rnd((unsigned)n), start = at;
    size_t end = at + rnd((unsigned)(n - at));
    for (size_t i = 0; i < n; i++) text[i] = rnd((unsigned)line) ? 'a' : '\n';
    write_file(text, n);
    struct files all;
    struct why why;
    struct buf buf;
    struct pieces s;
    const char *p;
    size_t size;
    struct file *f = opened(&all);
    buf_heap(&buf);
    pieces_start(&s, f, at, end, &buf);
    while (pieces_next(&s, &p, &size, &why) == 1) {
      assert_memory_equal(p, text + at, size);
      at += size;
      assert_true(at == end + 1 || text[at - 1] == '\n');
    }
    assert_true(at == end + 1 && at > start);
    buf_free(&buf);
    files_close(&all);
  }
  free(text);
}

/* run in a child that has nothing open; its exit status says what went wrong */
static int in_child(int (*f)(struct files *, const struct file_ref *), struct files *all, const struct file_ref *ref) {
  int status;
  pid_t pid = fork();
  if (pid == 0) _exit(f(all, ref));
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int reads_hello(struct files *all, const struct file_ref *ref) {
  struct why why;
  char got[5];
  struct file *f = files_find(all, ref, &why);
  if (!f) return 1;
  if (file_read(f, 0, got, 5, &why) != 0 || memcmp(got, "hello", 5) != 0) return 2;
  return 0;
}

static int reads_hello_afresh(struct files *all, const struct file_ref *ref) {
  (void)all;
  struct files none;
  files_init(&none);
  int rc = reads_hello(&none, ref);
  files_close(&none);
  return rc;
}

static int reads_hello_without_descriptors(struct files *all, const struct file_ref *ref) {
  for (int fd = 3; fd < 64; fd++) close(fd);
  open("/dev/null", O_RDONLY);
  return reads_hello(all, ref);
}

static int reads_hello_of_opener(struct files *all, const struct file_ref *ref) {
  (void)all;
  for (int fd = 3; fd < 64; fd++) close(fd);
  return reads_hello_afresh(all, ref);
}

static void test_a_file_is_found_from_every_process(void **state) {
  (void)state;
  struct files all;
  write_file("hello\n", 6);
  struct file *f = opened(&all);
  assert_int_equal(in_child(reads_hello, &all, &f->ref), 0);
  assert_int_equal(in_child(reads_hello_afresh, &all, &f->ref), 0);
  assert_int_equal(in_child(reads_hello_without_descriptors, &all, &f->ref), 0);
  unlink(path);
  assert_int_equal(in_child(reads_hello_afresh, &all, &f->ref), 0);
  assert_int_equal(in_child(reads_hello_of_opener, &all, &f->ref), 0);
  files_close(&all);
}

static void test_another_file_of_the_same_name_is_not_read(void **state) {
  (void)state;
  struct files all, none;
  struct why why;
  write_file("hello\n", 6);
  struct file *f = opened(&all);
  struct file_ref ref = f->ref;
  ref.path = path;
  files_close(&all);
  unlink(path);
  write_file("other\n", 6);
  files_init(&none);
  assert_null(files_find(&none, &ref, &why));
  assert_non_null(strstr(why.text, path));
  unlink(path);
  assert_null(files_find(&none, &ref, &why));
  assert_non_null(strstr(why.text, "No such file"));
}

static const char *refusal(const char *name) {
  static struct why why;
  struct files all;
  files_init(&all);
  assert_null(files_open(&all, name, &why));
  return why.text;
}

static void test_what_is_no_regular_file_is_refused_in_words(void **state) {
  (void)state;
  unlink(path);
  assert_non_null(strstr(refusal(path), "No such file"));
  assert_non_null(strstr(refusal("/tmp"), "directory"));
  assert_non_null(strstr(refusal("/dev/null"), "device"));
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_non_null(strstr(refusal(path), "a pipe")); /* and does not wait for a writer */
  struct files all;
  struct why why;
  files_init(&all);
  assert_null(files_adopt(&all, 1234, &why));
  assert_non_null(strstr(why.text, "1234"));
}

static void test_adopted_descriptor_may_be_closed_and_keeps_its_offset(void **state) {
  (void)state;
  struct files all;
  struct why why;
  char got[5];
  write_file("hello\n", 6);
  int fd = open(path, O_RDONLY);
  lseek(fd, 3, SEEK_SET);
  files_init(&all);
  struct file *f = files_adopt(&all, fd, &why);
  assert_non_null(f);
  assert_string_equal(f->ref.path, path);
  assert_int_equal(file_read(f, 0, got, 5, &why), 0);
  assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
  close(fd);
  assert_int_equal(file_read(f, 0, got, 5, &why), 0);
  files_close(&all);
}

static void test_idle_files_make_room_when_descriptors_run_out(void **state) {
  (void)state;
  struct files all;
  struct why why;
  struct rlimit old, few;
  write_file("hello\n", 6);
  files_init(&all);
  getrlimit(RLIMIT_NOFILE, &old);
  few = old;
  few.rlim_cur = 20;
  setrlimit(RLIMIT_NOFILE, &few);
  for (int i = 0; i < 100; i++) {
    struct file *f = files_open(&all, path, &why);
    if (!f) fail_msg("%s", why.text);
    file_let(&all, f);
  }
  setrlimit(RLIMIT_NOFILE, &old);
  int n = 0;
  for (struct file *f = all.first; f; f = f->next) n++;
  assert_true(n <= all.idle_most);
  files_close(&all);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_path, remove_path)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(test_small_files_are_cut_as_the_rule_says),
      TEST(test_documented_example_ends_at_1013),
      TEST(test_random_files_and_sizes_are_cut_as_the_rule_says),
      TEST(test_long_line_costs_its_length_not_its_length_per_size),
      TEST(test_growth_is_not_seen_and_shrinking_is_an_error),
      TEST(test_pieces_are_whole_lines_and_all_of_them),
      TEST(test_a_file_is_found_from_every_process),
      TEST(test_another_file_of_the_same_name_is_not_read),
      TEST(test_what_is_no_regular_file_is_refused_in_words),
      TEST(test_adopted_descriptor_may_be_closed_and_keeps_its_offset),
      TEST(test_idle_files_make_room_when_descriptors_run_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
