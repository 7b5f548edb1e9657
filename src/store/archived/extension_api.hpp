// SPDX-License-Identifier: Apache-2.0
#pragma once

// Comes first in each file of the extension: its calls of SQLite go to the SQLite that has loaded it, not to another
// one.

#include <sqlite3ext.h>

SQLITE_EXTENSION_INIT3
