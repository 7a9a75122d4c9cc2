// SPDX-License-Identifier: Apache-2.0
import Glibc

exit(TokenProgram.run(Array(CommandLine.arguments.dropFirst())))
