// SPDX-License-Identifier: Apache-2.0
// libseccomp, and its function-like macros as functions.
#include <seccomp.h>

static inline uint32_t podlab_seccomp_errno(uint16_t code) { return SCMP_ACT_ERRNO(code); }
static inline uint32_t podlab_seccomp_trace(uint16_t message) { return SCMP_ACT_TRACE(message); }
