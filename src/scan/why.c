#include "scan/why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int why_set(struct why *why, const char *format, ...) {
  int reason = errno;
  va_list ap;
  va_start(ap, format);
  vsnprintf(why->text, sizeof why->text, format, ap);
  va_end(ap);
  size_t n = strlen(why->text);
  if (format[0] && format[strlen(format) - 1] == ':')
    snprintf(why->text + n, sizeof why->text - n, " %s", strerror(reason));
  return -1;
}
