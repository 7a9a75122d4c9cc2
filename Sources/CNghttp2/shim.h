// SPDX-License-Identifier: Apache-2.0
#define NGHTTP2_STATICLIB 1
#include <nghttp2/nghttp2.h>
