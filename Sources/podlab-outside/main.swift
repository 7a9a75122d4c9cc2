// SPDX-License-Identifier: Apache-2.0
//
// podlab-outside: stays in an ordinary user's own network and starts the image helper there for the Pods of one node, with the node's user ids and
// mounts. It waits on descriptor 3 (a listening socket) and ends with the process of descriptor 4 (a pidfd, the node's holder); 5 is its lock.
// Each connection becomes the helper's standard input and output.
import Glibc

exit(OutsideProgram.run())
