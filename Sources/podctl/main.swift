// SPDX-License-Identifier: Apache-2.0
import Glibc

exit(Podctl.main(Array(CommandLine.arguments.dropFirst())))
