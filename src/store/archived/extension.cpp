// SPDX-License-Identifier: Apache-2.0

// cgmm_archive.so: the archive for other programs that use SQLite. `.load` it, and all_samples and sample_archive are
// there (samples_table.hpp).

#include "store/archived/samples_table.hpp"

SQLITE_EXTENSION_INIT1

/// SQLite makes the name from that of the file: letters only, without what is before them.
extern "C" __attribute__((visibility("default"))) int sqlite3_cgmmarchive_init(sqlite3* database, char** /*error*/,
                                                                               const sqlite3_api_routines* api) {
  SQLITE_EXTENSION_INIT2(api);
  return cgmm::store::add_archive_tables(database);
}
