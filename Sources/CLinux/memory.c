// SPDX-License-Identifier: Apache-2.0
//
// Giving back what a process no longer needs: free heap, and the mapped pages of its program's code.
#define _GNU_SOURCE
#include "clinux.h"
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

// Code is never written to, so its pages may go: what runs next is mapped again from the page cache (madvise(2), MADV_DONTNEED).
static int drop(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size, (void)data;
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *p = &info->dlpi_phdr[i];
    if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || (p->p_flags & PF_W)) continue;
    uintptr_t from = info->dlpi_addr + p->p_vaddr, to = from + p->p_memsz;
    from = (from + page - 1) / page * page, to = to / page * page;
    if (to > from) madvise((void *)from, to - from, MADV_DONTNEED);
  }
  return 0;
}

void lx_give_back_memory(void) {
  malloc_trim(0);
  dl_iterate_phdr(drop, 0);
}
