// SPDX-License-Identifier: Apache-2.0
import Glibc

exit(ImageProgram.run(Array(CommandLine.arguments.dropFirst())))
