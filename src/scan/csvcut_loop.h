/* csvcut_loop: where records end in windows of 64 bytes, included once for each kind of vectors. An including file has defined
**
**   NAME, TARGET        of the function; the attribute of its instructions
**   same(p, byte)       bit i: p[i] is that byte, of 64
**   parity(bits)        bit i: the parity of the bits up to i
**
** Quotes of well-formed fields open and close in turn, doubled ones included: so the bits of what is inside are the running parity
** of the bits of the quotes. That they are well-formed is a matter of the bytes beside each. */

/* Find the ends in so many windows at p, or up to the one where c->odd is set; how many were looked at. Most windows have a few ends,
** and how many is not to be foretold: so a few are written without asking. */
TARGET static unsigned NAME(struct csvcut *c, const char *p, unsigned windows) {
  uint64_t inside = c->inside, may_open = c->may_open, closed = c->closed, back = c->back;
  char separator = c->separator;
  unsigned i = 0, ends = 0;
  for (; i < windows && !c->odd; i++, p += 64) {
    __builtin_prefetch(p + CSVCUT_WINDOWS * 64); /* while these records are worked on */
    uint64_t quote = same(p, '"'), newline = same(p, '\n');
    if (!(quote | inside | closed | back)) {
      ends = note_ends(c->place, ends, newline, i * 64);
      may_open = newline >> 63 | (p[63] == separator);
      continue;
    }
    uint64_t end = newline | same(p, separator), in = parity(quote) ^ inside, open = quote & in, close = quote & ~in;
    uint64_t opens = end | close, behind = close << 1 | closed, backs = 0;
    uint64_t odd = (open & ~(opens << 1 | may_open)) | (behind & ~(end | open));
    if (odd | back) {
      backs = behind & same(p, '\r');
      odd = (odd & ~backs) | ((backs << 1 | back) & ~newline);
    }
    newline &= ~in;
    if (odd) {
      newline &= (odd & -odd) - 1;
      c->odd = true;
    }
    ends = note_ends(c->place, ends, newline, i * 64);
    if (odd) c->place[ends] = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(odd));
    inside = -(in >> 63);
    may_open = opens >> 63;
    closed = close >> 63;
    back = backs >> 63;
  }
  c->at = 0;
  c->ends = ends;
  c->inside = inside;
  c->may_open = may_open;
  c->closed = closed;
  c->back = back;
  return i;
}

#undef NAME
#undef TARGET
#undef same
#undef parity
