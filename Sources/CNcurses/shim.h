// SPDX-License-Identifier: Apache-2.0
// ncursesw for Swift: macros and varargs through inline functions.
#define NCURSES_WIDECHAR 1
#define _XOPEN_SOURCE_EXTENDED 1
#include <locale.h>
#include <ncurses.h>
#include <stdint.h>
#include <stdlib.h>
#include <wchar.h>

/// UTF-8 in, whatever the user's locale: C.UTF-8 where the environment names none that works. 0 when UTF-8 is to be had.
static inline int podlab_curses_locale(void) {
  if (setlocale(LC_ALL, "") && MB_CUR_MAX > 1) return 0;
  return setlocale(LC_ALL, "C.UTF-8") ? 0 : -1;
}
/// 0 when the terminal is one that curses can drive; initscr(3) would end the program instead.
static inline int podlab_curses_start(void) { return newterm(0, stdout, stdin) ? 0 : -1; }
static inline WINDOW *podlab_curses_screen(void) { return stdscr; }
static inline int podlab_curses_rows(void) { return LINES; }
static inline int podlab_curses_columns(void) { return COLS; }
static inline uint32_t podlab_curses_bold(void) { return (uint32_t)A_BOLD; }
static inline uint32_t podlab_curses_reverse(void) { return (uint32_t)A_REVERSE; }
static inline uint32_t podlab_curses_dim(void) { return (uint32_t)A_DIM; }
static inline void podlab_curses_style(uint32_t attributes, int pair) {
  attrset((attr_t)attributes | (attr_t)COLOR_PAIR(pair));
}
/// UTF-8 text at a place, as the style set last.
static inline int podlab_curses_put(int row, int column, const char *utf8) { return mvaddstr(row, column, utf8); }
/// The next key: a character (kind 0), a function key (kind 1), or nothing (kind -1).
static inline int podlab_curses_key(int32_t *code) {
  wint_t c = 0;
  int kind = get_wch(&c);
  *code = (int32_t)c;
  return kind == ERR ? -1 : kind == KEY_CODE_YES ? 1 : 0;
}
enum {
  PODLAB_KEY_UP = KEY_UP, PODLAB_KEY_DOWN = KEY_DOWN, PODLAB_KEY_LEFT = KEY_LEFT, PODLAB_KEY_RIGHT = KEY_RIGHT,
  PODLAB_KEY_PAGE_UP = KEY_PPAGE, PODLAB_KEY_PAGE_DOWN = KEY_NPAGE, PODLAB_KEY_RESIZE = KEY_RESIZE,
  PODLAB_KEY_BACKSPACE = KEY_BACKSPACE, PODLAB_KEY_ENTER = KEY_ENTER, PODLAB_KEY_HOME = KEY_HOME, PODLAB_KEY_END = KEY_END
};
