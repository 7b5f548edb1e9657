// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may read what the service makes: its owner, and the group `adm`, whom Debian and others let read logs. Nobody
// else, because a history names pods and what they did. Only for what was just made: what exists already is as its
// owner wants it.

#include <sys/types.h>

namespace cgmm::store {

inline constexpr mode_t kFileMode = 0640;
inline constexpr mode_t kDirectoryMode = 0750;

/// Gives a file or directory that was just made its mode, whatever the umask is, and, where we are root and there is a
/// group `adm`, to that group. That the group can't be given is no error: then only the owner reads. (Under systemd
/// with few capabilities it takes `Group=adm`.) SQLite gives -wal and -shm the mode and the group of the database. Any
/// thread.
void set_access(int fd, mode_t mode);

}  // namespace cgmm::store
