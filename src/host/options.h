/* options: the command line. */
#ifndef PAPY_HOST_OPTIONS_H
#define PAPY_HOST_OPTIONS_H

enum options_end {
  OPTIONS_RUN,
  OPTIONS_HELP,
  OPTIONS_VERSION,
  OPTIONS_WRONG /* `wrong` says what in words */
};

struct options {
  int argc;
  char **argv;
  int first_option;    /* index of argv; -e options are read again from here in their order */
  int script;          /* index of the script in argv; argc when there is none */
  int has_code;        /* any -e */
  int prompt;          /* -i */
  int no_environment;  /* -E */
  const char *lua_dir; /* --lua DIR */
  const char *query;   /* -q: an expression whose answer is printed; what follows the options then are files */
  const char *body;    /* -n: code or an expression for every line of them */
  const char *at_end;  /* --end: code behind the last line */
  const char *fields;  /* -F: what splits lines */
  int json;            /* --json */
  char wrong[200];
};

enum options_end options_parse(struct options *o, int argc, char **argv);
/* The code of the next -e at or behind argv[*i]; NULL when there is no more. *i moves behind it. */
const char *options_next_code(const struct options *o, int *i);
extern const char options_usage[];

#endif
