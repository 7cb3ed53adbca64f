/* access: a deterministic web server's log, one request a line, for the measures of flows.
**   access BYTES         combined format with the milliseconds the request took behind it
**   access BYTES json    the same as JSON lines of eleven fields
** Pages, agents and addresses are as uneven as in real logs: a few pages have most requests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 0x9e3779b97f4a7c15u;

static uint64_t next(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static unsigned below(unsigned n) {
  return (unsigned)(next() % n);
}

/* small numbers are frequent, each half as frequent as the one of half its size */
static unsigned uneven(unsigned n) {
  unsigned most = 1;
  while (most < n && below(3)) most *= 4;
  return below(most < n ? most : n);
}

static const char *const agents[] = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 "
    "Safari/605.1.15",
    "curl/7.88.1", "kube-probe/1.27"};
static const char *const methods[] = {"GET", "GET", "GET", "GET", "GET", "GET", "POST", "HEAD"};
static const int statuses[] = {200, 200, 200, 200, 200, 200, 200, 200, 304, 301, 404, 200, 200, 500, 403, 503};

struct request {
  unsigned ip, second, page, status, bytes, ms, agent;
  const char *method;
  char path[64];
};

static struct request request(unsigned i) {
  struct request r = {.ip = uneven(1 << 22),
                      .second = i / 16,
                      .page = uneven(60000),
                      .status = (unsigned)statuses[below(16)],
                      .bytes = below(12) * below(9000),
                      .ms = 1 + uneven(30000),
                      .agent = below(5),
                      .method = methods[below(8)]};
  snprintf(r.path, sizeof r.path, r.page % 3 ? "/articles/%u/section-%u.html" : "/api/v1/items/%u?page=%u", r.page,
           r.page % 17);
  return r;
}

static int as_line(char *to, size_t n, const struct request *r) {
  unsigned t = r->second % 86400;
  return snprintf(to, n,
                  "%u.%u.%u.%u - - [%02u/Jan/2023:%02u:%02u:%02u +0000] \"%s %s HTTP/1.1\" %u %u "
                  "\"https://www.example.com/from-%u\" "
                  "\"%s\" %u\n",
                  10 + (r->ip >> 16), r->ip >> 8 & 255, r->ip & 255, r->ip % 200, 1 + r->second / 86400 % 28, t / 3600,
                  t / 60 % 60, t % 60, r->method, r->path, r->status, r->bytes, r->page % 1000, agents[r->agent],
                  r->ms);
}

static int as_json(char *to, size_t n, const struct request *r) {
  unsigned t = r->second % 86400;
  return snprintf(to, n,
                  "{\"time\":\"2023-01-%02uT%02u:%02u:%02uZ\",\"level\":\"%s\",\"service\":\"svc-%u\",\"host\":\"web-%"
                  "u\",\"ip\":\"10.%u.%u.%u\","
                  "\"method\":\"%s\",\"path\":\"%s\",\"status\":%u,\"bytes\":%u,\"ms\":%u,\"tags\":{\"agent\":%u,"
                  "\"zone\":\"eu-%u\"}}\n",
                  1 + r->second / 86400 % 28, t / 3600, t / 60 % 60, t % 60, r->status >= 500 ? "error" : "info",
                  r->page % 8, r->ip % 16, r->ip >> 16, r->ip >> 8 & 255, r->ip & 255, r->method, r->path, r->status,
                  r->bytes, r->ms, r->agent, r->ip % 3);
}

int main(int argc, char **argv) {
  uint64_t size = argc > 1 ? strtoull(argv[1], NULL, 10) : 0, done = 0;
  int json = argc > 2 && strcmp(argv[2], "json") == 0;
  for (unsigned i = 0; done < size; i++) {
    char line[600];
    struct request r = request(i);
    int n = (json ? as_json : as_line)(line, sizeof line, &r);
    if (fwrite(line, 1, (size_t)n, stdout) != (size_t)n) return perror("access"), 1;
    done += (uint64_t)n;
  }
  return fflush(stdout) == 0 ? 0 : 1;
}
