// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "store/reader.hpp"

namespace cgmm::cli {

int query(const Options& options) {
  store::Reader reader(load_for_reading(options).config.database);
  write_answer(options, {.name = "", .title = "", .sql = options.sql}, reader, {});
  return 0;
}

}  // namespace cgmm::cli
