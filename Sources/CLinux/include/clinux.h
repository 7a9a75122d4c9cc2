// SPDX-License-Identifier: Apache-2.0
// What Swift's Glibc module lacks of the kernel's interface, and the interpreter of spawn plans (spawn.h).
#pragma once
#define _GNU_SOURCE 1
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
