// SPDX-License-Identifier: Apache-2.0
#include <archive.h>
#include <archive_entry.h>

// archive_set_error takes a format, which Swift cannot call.
static inline void archive_set_error_text(struct archive *a, int code, const char *text) { archive_set_error(a, code, "%s", text); }
