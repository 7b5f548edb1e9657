// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who may read the files that the service makes: the owner, and the group `adm`, which may read logs on Debian and
// others. Nobody else, because a history names pods and what they did. Only for new files: existing ones stay as they
// are.

#include <sys/types.h>

namespace cgmm::store {

inline constexpr mode_t kFileMode = 0640;
inline constexpr mode_t kDirectoryMode = 0750;

/// Sets the mode of a new file or directory, whatever the umask is, and its group to `adm` if we are root and the group
/// exists. It is no error if the group can't be set: then only the owner may read. (Under systemd with few
/// capabilities, the unit needs `Group=adm`.) SQLite gives -wal and -shm the same mode and group. Any thread.
void set_access(int fd, mode_t mode);

}  // namespace cgmm::store
