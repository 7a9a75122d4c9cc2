// SPDX-License-Identifier: Apache-2.0
// ncursesw for Swift: macros and varargs through inline functions.
#define NCURSES_WIDECHAR 1
#include <locale.h>
#include <ncurses.h>
#include <wchar.h>
