#include "host/options.h"

#include <stdio.h>
#include <string.h>

const char options_usage[] =
    "usage: papy [options] [script.lua | -] [args]\n"
    "       papy [options] -q EXPRESSION [FILE...]\n"
    "       papy [options] -n CODE [FILE...]\n"
    "  papy              prompt at a terminal; otherwise run what stdin holds\n"
    "  papy script.lua   run a script; its arguments are in `arg` and `...`\n"
    "  papy -            run what stdin holds\n"
    "  papy -q EXPR      print the answer of a flow: papy -q 'log:count \"error\"' access.log;\n"
    "                    `log` is a flow over FILEs (or stdin), open(x) opens others\n"
    "  papy -n CODE      run CODE for every line: `line`, its fields f[1], f[2]..., its number nr; or print the\n"
    "                    lines for which an expression is true: papy -n 'f[9] == \"500\"' access.log\n"
    "options:\n"
    "  -e CODE           run CODE (may be repeated; before the script, -q and -n)\n"
    "  --end CODE        with -n: run CODE behind the last line\n"
    "  -F FORMAT         with -q, -n: how lines are split: a separator, csv, json, combined... (-n: words)\n"
    "  --json            with -q, -n: print rows as lines of JSON\n"
    "  -i                prompt afterwards\n"
    "  -E                ignore the environment (PAPY_PATH, LUA_PATH, ...)\n"
    "  --lua DIR         read papy's own Lua from DIR/lua and DIR/stdlib\n"
    "  -v, --version     print the version\n"
    "  -h, --help        print this text\n"
    "  --                end of options\n";

/* the argument of the option at argv[i]: behind it in the same word, or the next word; NULL when missing */
static char *argument(const struct options *o, int i, size_t option_len, int *next) {
  char *rest = o->argv[i] + option_len;
  if (*rest) {
    *next = i + 1;
    return rest;
  }
  *next = i + 2;
  return i + 1 < o->argc ? o->argv[i + 1] : NULL;
}

static enum options_end wrong(struct options *o, const char *format, const char *option) {
  snprintf(o->wrong, sizeof o->wrong, format, option);
  return OPTIONS_WRONG;
}

/* Read the option at argv[i]; *next is where the next one is. */
static enum options_end read_option(struct options *o, int i, int *next) {
  const char *option = o->argv[i];
  *next = i + 1;
  if (strcmp(option, "-h") == 0 || strcmp(option, "--help") == 0) return OPTIONS_HELP;
  if (strcmp(option, "-v") == 0 || strcmp(option, "--version") == 0) return OPTIONS_VERSION;
  if (strcmp(option, "-i") == 0) {
    o->prompt = 1;
  } else if (strcmp(option, "-E") == 0) {
    o->no_environment = 1;
  } else if (strncmp(option, "-e", 2) == 0) {
    o->has_code = 1;
    if (!argument(o, i, 2, next)) return wrong(o, "option '%s' needs code", option);
  } else if (strncmp(option, "-q", 2) == 0 || strncmp(option, "-n", 2) == 0) {
    const char *code = argument(o, i, 2, next);
    if (!code) return wrong(o, "option '%s' needs code", option);
    *(option[1] == 'q' ? &o->query : &o->body) = code;
    if (o->query && o->body) return wrong(o, "%s: -q and -n do not go together", option);
  } else if (strncmp(option, "-F", 2) == 0) {
    if (!(o->fields = argument(o, i, 2, next))) return wrong(o, "option '%s' needs a format", option);
  } else if (strcmp(option, "--end") == 0) {
    if (!(o->at_end = argument(o, i, 5, next))) return wrong(o, "option '%s' needs code", option);
  } else if (strcmp(option, "--json") == 0) {
    o->json = 1;
  } else if (strncmp(option, "--lua=", 6) == 0) {
    o->lua_dir = option + 6;
  } else if (strcmp(option, "--lua") == 0) {
    o->lua_dir = argument(o, i, 5, next);
    if (!o->lua_dir) return wrong(o, "option '%s' needs a directory", option);
  } else {
    return wrong(o, "unknown option '%s'", option);
  }
  return OPTIONS_RUN;
}

static int is_option(const char *word) {
  return word[0] == '-' && word[1] != '\0';
}

enum options_end options_parse(struct options *o, int argc, char **argv) {
  int i = argc > 0 ? 1 : 0, next;
  *o = (struct options){.argc = argc, .argv = argv, .first_option = i};
  for (; i < argc && is_option(argv[i]); i = next) {
    if (strcmp(argv[i], "--") == 0) {
      i++;
      break;
    }
    enum options_end end = read_option(o, i, &next);
    if (end != OPTIONS_RUN) return end;
  }
  o->script = i;
  if (!o->query && !o->body && (o->fields || o->json)) return wrong(o, "%s go with -q and -n only", "-F and --json");
  if (!o->body && o->at_end) return wrong(o, "%s goes with -n only", "--end");
  return OPTIONS_RUN;
}

const char *options_next_code(const struct options *o, int *i) {
  struct options scratch = *o;
  int next;
  for (; *i < o->script && strcmp(o->argv[*i], "--") != 0; *i = next) {
    if (strncmp(o->argv[*i], "-e", 2) == 0) {
      const char *code = argument(o, *i, 2, &next);
      *i = next;
      return code;
    }
    read_option(&scratch, *i, &next);
  }
  return NULL;
}
