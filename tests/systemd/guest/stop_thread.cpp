// SPDX-License-Identifier: Apache-2.0
// stop-thread PID NAME: that thread of the process stands still until it is killed.
#include <sys/wait.h>

#include <cstdlib>

#include "support/stopped_thread.hpp"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const pid_t pid = std::atoi(argv[1]);
  const cgmm::test::StoppedThread thread(pid, argv[2]);
  if (!thread.stopped()) return 1;
  int status = 0;
  while (::waitpid(-1, &status, __WALL) > 0 && WIFSTOPPED(status)) {  // its tracer's wait lets a killed thread go
  }
  return 0;
}
