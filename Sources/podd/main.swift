// SPDX-License-Identifier: Apache-2.0
import Glibc
import Supervisor

exit(PoddProgram.run())
