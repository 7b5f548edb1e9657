// SPDX-License-Identifier: Apache-2.0
#include "store/age/totals.hpp"

namespace cgmm::store {

void keep_totals(Statements& sql, const std::string& view, const std::string& rows, std::int64_t parameter) {
  sql.execute(
      "INSERT INTO past_total SELECT total, ifnull(namespace, ''), ifnull(workload, ''), "
      "ifnull(container, ''), ifnull(qos, ''), word, other, sum(amount) FROM (" +
          rows + ") CROSS JOIN " + view +
          " USING (row_id) LEFT JOIN v_metric_label USING (cgroup_id) WHERE amount > 0 "
          "GROUP BY 1, 2, 3, 4, 5, 6, 7 ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
      parameter);
}

}  // namespace cgmm::store
